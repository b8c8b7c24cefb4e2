/** Predictions that may be interrupted are cut into runs by what a row takes: a run itself nothing ends. */
import { describe, expect, it } from '@jest/globals';
import { loadForeignModel } from '../../../shared/runtime/foreign-model.ts';
import { Pace } from '../../../shared/runtime/pace.ts';
import type { Interruption } from '../../../shared/runtime/pace.ts';
import { slowModel, slowRows } from '../../slow-model.ts';

/** Keeps what it is told of the runs to come, and ends what would go on longer than so many ms. */
function asked(limitMs: number) {
  const aheads: (number | undefined)[] = [];
  const interruption: Interruption = {
    throwIfAborted(aheadMs) {
      aheads.push(aheadMs);
      if ((aheadMs ?? 0) >= limitMs) throw new Error('too long');
    },
  };
  return { aheads, interruption };
}

describe('a prediction that may be interrupted', () => {
  it('is many runs where rows take long, and the same answers as one', async () => {
    const model = await loadForeignModel(slowModel(10_000), { threads: 1 });
    const { aheads, interruption } = asked(Infinity);

    const answers = await model.predict(slowRows(250), undefined, interruption);
    await model.release();

    expect(answers).toEqual(slowRows(250).map(({ x }) => x));
    // Before the probe, before the first run by what the probe took, and at least once in between.
    expect(aheads.length).toBeGreaterThanOrEqual(3);
    expect(aheads[0]).toBeUndefined();
    expect(aheads[1]).toBeGreaterThan(0);
  });

  it('begins no run of which one row takes longer than there is', async () => {
    const model = await loadForeignModel(slowModel(10_000), { threads: 1 });
    const { aheads, interruption } = asked(0.1);

    await expect(model.predict(slowRows(250), undefined, interruption)).rejects.toThrow('too long');
    await model.release();

    expect(aheads).toHaveLength(2);
  });

  it('is not begun where its trial took longer, and then measured for itself', async () => {
    const model = await loadForeignModel(slowModel(1), { threads: 1, trial: { size: 1, ms: 30_000 } });
    const row = slowRows(1);

    await expect(model.predict(row, undefined, asked(20_000).interruption)).rejects.toThrow('too long');
    await model.predict(row);
    const answers = await model.predict(row, undefined, asked(20_000).interruption);
    await model.release();

    expect(answers).toEqual([row[0]!.x]);
  });
});

describe('the pace of a model', () => {
  it('leaves blocks whole for rows that take nothing, known or not', async () => {
    const pace = new Pace();
    const runs: string[] = [];
    const run = async (begin: number, end: number) => void runs.push(`${begin}-${end}`);
    const { interruption } = asked(Infinity);

    await pace.inBlocks(run, { count: 2_500, most: 1_000, interruption });
    await pace.inBlocks(run, { count: 2_500, most: 1_000, interruption });
    await pace.inBlocks(run, { count: 1_500, most: 1_000 });

    const whole = ['0-1000', '1000-2000', '2000-2500'];
    expect(runs).toEqual(['0-1', ...whole, ...whole, '0-1000', '1000-1500']);
  });
});
