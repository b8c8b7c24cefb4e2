/** Segments in turn: asked for before each, given back after the last, whatever the end. */
import { describe, expect, it } from '@jest/globals';
import { FitFailed } from '../../../shared/workflows/fit-failed.ts';
import type { FitEvent, Orchestration } from '../../../shared/workflows/train.ts';
import { inTurn } from '../../../shared/workflows/turns.ts';

/** An orchestration that tells what it was asked, with these answers of *fit*, and turns that are refused so many times. */
function recorded(answers: readonly (object | Error)[], refusals = 0) {
  const said: string[] = [];
  let refused = 0;
  const left = [...answers];
  const to: Orchestration = {
    fit: async <T>(name: string): Promise<T> => {
      said.push(name);
      const answer = left.shift();
      if (answer instanceof Error) throw answer;
      return answer as T;
    },
    step: async (_, effect) => effect(),
    wait: async () => undefined,
    async until(_, { ask, times, pauseS }) {
      for (let asked = 0; asked < times; asked++) {
        if (await ask()) return true;
        said.push(`wait ${pauseS(asked)}`);
      }
      return false;
    },
    map: async (_, { items, run }) => Promise.all(items.map((item) => run(item, to))),
  };
  const turns = {
    ask: async (slot: string) => {
      said.push(`ask ${slot}`);
      return refused++ >= refusals;
    },
    release: async (slot: string) => void said.push(`release ${slot}`),
  };
  return { said, to: inTurn(to, turns) };
}

const segment = (n: number, trial?: string): FitEvent => ({
  action: 'segment',
  job: 'j',
  segment: n,
  ...(trial === undefined ? {} : { trial }),
});

describe('a training in turn', () => {
  it('asks before every segment and gives its slot back after the last', async () => {
    const { said, to } = recorded([{ status: 'running' }, { status: 'finished' }]);

    await to.fit('s0', segment(0));
    await to.fit('s1', segment(1));

    expect(said).toEqual(['ask j', 's0', 'ask j', 's1', 'release j']);
  });

  it('waits longer and longer until it is its turn', async () => {
    const { said, to } = recorded([{ status: 'finished' }], 3);

    await to.fit('s0', segment(0));

    expect(said).toEqual(['ask j', 'wait 5', 'ask j', 'wait 10', 'ask j', 'wait 20', 'ask j', 's0', 'release j']);
  });

  it('gives its slot back when fit fails for good', async () => {
    const { said, to } = recorded([new FitFailed('no')]);

    await expect(to.fit('s0', segment(0))).rejects.toThrow('no');

    expect(said).toEqual(['ask j', 's0', 'release j']);
  });

  it('gives up in the end, and needs no turn to publish', async () => {
    const { said, to } = recorded([{ model: {} }], Infinity);

    await to.fit('publish', { action: 'publish', job: 'j', segment: 0 });
    await expect(to.fit('s0', segment(0))).rejects.toThrow('no free slot');

    expect(said[0]).toBe('publish');
    expect(said.filter((line) => line === 'ask j')).toHaveLength(400);
  });

  it('has a slot for each trial of a sweep', async () => {
    const { said, to } = recorded([{ status: 'finished' }, { status: 'finished' }]);

    await to.map('rung', {
      items: ['t1', 't2'],
      maxParallel: 2,
      run: (trial, own) => own.fit(`s-${trial}`, segment(0, trial)),
    });

    expect(said.filter((line) => line.startsWith('release'))).toEqual(['release j/t1', 'release j/t2']);
  });
});
