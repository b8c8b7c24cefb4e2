/**
 * Data larger than memory: every family that reads rows in blocks learns from them, however it is cut, and what it learns of the data beforehand (split,
 * means, categories, vocabularies) is the same as of data in memory. The limit is in the test's hand; test/slow/blocks.test.ts measures the memory.
 */
import { describe, expect, it } from '@jest/globals';
import { sourceOfTable } from '../../../shared/data/table-source.ts';
import type { Table } from '../../../shared/data/table.ts';
import { findFamily } from '../../../shared/families/registry.ts';
import type { Metrics } from '../../../shared/families/contract.ts';
import { prepare } from '../../../shared/runtime/preparation.ts';
import { createEngine } from '../../../shared/runtime/session.ts';
import { exportModel, runSegment } from '../../../shared/runtime/trainer.ts';
import type { SegmentOptions } from '../../../shared/runtime/trainer.ts';
import { CASES } from './cases.ts';
import { trainInSegments } from './train.ts';

const ROWS = 300;
const reads = (family: string): boolean => findFamily(family)?.readsBlocks === true;
/** The first case of each family and task. */
const first = CASES.filter(
  ({ family, task }, i) => CASES.findIndex((one) => one.family === family && one.task === task) === i,
);
const inBlocks = first.filter(({ family }) => reads(family));
const engine = createEngine({ threads: 1 });

/** A limit that the rows of the table, stored and encoded, exceed several times. */
function tight(table: Table): number {
  const { bytes } = sourceOfTable(table);
  return Math.max(48 * table.rows, bytes / 4);
}

const whole = (options: Omit<SegmentOptions, 'shouldStop' | 'threads'>) =>
  runSegment({ ...options, threads: 1, shouldStop: () => false });

describe.each(inBlocks.map((one) => [`${one.family} (${one.task})`, one] as const))('%s in blocks', (_, one) => {
  const train = one.table(ROWS);
  const options = { spec: one.spec, train: sourceOfTable(train), memoryBytes: tight(train) };

  it('splits and encodes as in memory', async () => {
    const small = await prepare({ spec: one.spec, train }, engine);

    const large = await prepare(options, engine);

    expect(large.problem.train.blocks?.starts.length).toBeGreaterThan(2 * large.problem.train.blocks!.perWindow);
    expect(large.encodings).toEqual(small.encodings);
    const { blocks } = large.problem.train;
    const read = await blocks!.read(Array.from({ length: blocks!.starts.length - 1 }, (__, block) => block));
    expect(read).toEqual({ x: small.problem.train.x, target: small.problem.train.target });
    expect(blocks!.target).toEqual(small.problem.train.target);
  });

  it('ends with the same bytes in one segment and in many, about as good as in memory, and its file predicts what the trainer does', async () => {
    const small = await whole({ spec: one.spec, train });

    const large = await whole(options);
    const cut = await trainInSegments({ ...options, threads: 1 }, [1, 2, 1, 5, 2, 4]);
    const exported = await exportModel({ ...options, threads: 1, checkpoint: large.checkpoint });

    expect(large.status).toBe('finished');
    expect(Buffer.compare(cut.checkpoint, large.checkpoint)).toBe(0);
    expect(cut.metrics).toEqual(large.metrics);
    expect(exported.equality.max_difference).toBeLessThan(1e-5);
    expect(lossOf(large.metrics)).toBeLessThan(2 * lossOf(small.metrics) + 0.05);
  });
});

const lossOf = ({ train }: { train: Metrics }): number => train['loss']!;

describe('a family that needs all rows', () => {
  const others = first.filter(({ family }) => !reads(family));

  it.each(others.map((one) => [`${one.family} (${one.task})`, one] as const))(
    'refuses more than memory holds: %s',
    async (_, one) => {
      const train = one.table(ROWS);
      const { bytes } = sourceOfTable(train);

      const stored = whole({ spec: one.spec, train: sourceOfTable(train), memoryBytes: bytes / 4 });
      const encoded = whole({ spec: one.spec, train, memoryBytes: bytes * 0.6 });

      for (const refused of [stored, encoded])
        await expect(refused).rejects.toMatchObject({
          code: 'training_out_of_memory',
          message: expect.stringMatching(
            new RegExp(`^${one.family} needs all rows in memory at once, and \\d+ rows take`),
          ),
        });
    },
  );

  it('takes what it needs where it is read in parts, but would fit', async () => {
    const one = CASES.find(({ family }) => family === 'svm')!;
    const train = one.table(ROWS);
    const { bytes } = sourceOfTable(train);

    const read = await whole({ spec: one.spec, train: sourceOfTable(train), memoryBytes: 4 * bytes });

    expect(read.checkpoint).toEqual((await whole({ spec: one.spec, train })).checkpoint);
  });
});

it('goes on with the blocks that it began with when the limit has changed', async () => {
  const one = inBlocks.find(({ family }) => family === 'cnn')!;
  const train = one.table(ROWS);
  const options = { spec: one.spec, train: sourceOfTable(train), memoryBytes: tight(train) };
  const begun = await runSegment({ ...options, threads: 1, shouldStop: () => true });

  const ended = await whole({ ...options, memoryBytes: 100 * options.memoryBytes, checkpoint: begun.checkpoint });

  expect(begun.status).toBe('running');
  expect(Buffer.compare(ended.checkpoint, (await whole(options)).checkpoint)).toBe(0);
});
