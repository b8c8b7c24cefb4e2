/** The readers of files from strangers, each with whole files to begin from and the one kind of error that it may throw. */
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { readCsv } from '../../shared/data/csv.ts';
import { readIdx } from '../../shared/data/idx.ts';
import { readJsonl } from '../../shared/data/jsonl.ts';
import { readParquet } from '../../shared/data/parquet.ts';
import { profile } from '../../shared/data/profile.ts';
import type { Table } from '../../shared/data/table.ts';
import { ServiceError } from '../../shared/errors.ts';
import { readModel } from '../../shared/onnx/read-model.ts';
import { writeModel } from '../../shared/onnx/write-model.ts';
import { fromNumbers } from '../../shared/tensor/tensor.ts';
import type { HostTensor } from '../../shared/tensor/tensor.ts';
import { mutate } from './mutate.ts';

export interface Reader {
  readonly files: () => readonly Uint8Array[];
  readonly read: (file: Uint8Array) => Promise<unknown>;
  /** Whether the error is one that says what is wrong with the file. */
  readonly isRefusal: (error: unknown) => boolean;
}

const isInvalidDataset = (error: unknown): boolean =>
  error instanceof ServiceError && error.code === 'dataset_invalid' && error.message !== '';

const checked = (table: Table): unknown => profile(table);

const LINES = ['a,b,c', '1,x,2024-01-02', '2.5,"y ""z""",2024-02-29T10:00:00Z', ',"long\ntext",', '1e3,true,NA'];
const OBJECTS = [
  { a: 1, b: 'x', c: [[1, 2]] },
  { a: null, b: 'ü', c: [[3, 4]] },
  { a: 2.5, b: 'true', c: [[5, 6]] },
];

/** 3 images of 2 x 2, and 3 labels. */
const IMAGES = Buffer.from([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
const LABELS = Buffer.from([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]);
const PARQUET = new URL('../fixtures/data/parquet/', import.meta.url);

function model(): Uint8Array {
  return writeModel({
    irVersion: 10,
    opsets: { '': 21, 'ai.onnx.ml': 3 },
    metadata: { 'tenon.schema': '{}' },
    graph: {
      name: 'g',
      inputs: [{ name: 'x', dtype: 'float32', shape: ['batch', 3] }],
      outputs: [{ name: 'y', dtype: 'float32', shape: ['batch', 2] }],
      initializers: new Map<string, HostTensor>([
        ['w', fromNumbers('float32', [1, 2, 3, 4, 5, 6], [3, 2])],
        ['n', fromNumbers('int64', [1, 2], [2])],
      ]),
      nodes: [
        {
          name: 'gemm',
          opType: 'Gemm',
          domain: '',
          inputs: ['x', 'w'],
          outputs: ['y'],
          attributes: { alpha: { float: 0.5 }, transB: 0, axes: [0, 1], t: { tensor: fromNumbers('int32', [7], [1]) } },
        },
      ],
    },
  });
}

export const READERS = {
  csv: {
    files: () => [Buffer.from(LINES.join('\n')), Buffer.from(LINES.join('\r\n').replaceAll(',', ';'))],
    read: async (file) => checked(await readCsv(file)),
    isRefusal: isInvalidDataset,
  },
  jsonl: {
    files: () => [Buffer.from(OBJECTS.map((row) => JSON.stringify(row)).join('\n'))],
    read: async (file) => checked(await readJsonl(file)),
    isRefusal: isInvalidDataset,
  },
  idx: {
    files: () => [IMAGES, gzipSync(IMAGES), LABELS, gzipSync(LABELS)],
    // A file of labels stands in for the images too: both go through the same parser.
    read: async (file) => checked(await readIdx({ images: file, labels: LABELS })),
    isRefusal: isInvalidDataset,
  },
  parquet: {
    files: () =>
      readdirSync(PARQUET)
        .filter((name) => name.endsWith('.parquet'))
        .map((name) => readFileSync(new URL(name, PARQUET))),
    read: async (file) => checked(await readParquet(file)),
    isRefusal: isInvalidDataset,
  },
  onnx: {
    files: () => [model()],
    read: async (file) => readModel(file),
    isRefusal: (error) => error instanceof TypeError && error.message !== '',
  },
} as const satisfies Record<string, Reader>;

export type ReaderName = keyof typeof READERS;

export interface Survey {
  readonly files: number;
  /** Broken files that could be read all the same. */
  readonly read: number;
  readonly slowestMs: number;
  /** Seeds whose error says nothing of the file, with the error. */
  readonly faults: readonly { readonly seed: number; readonly error: string }[];
}

/** Reads `count` broken files, from the seed on. */
export async function surveyReader(name: ReaderName, count: number, firstSeed: number): Promise<Survey> {
  const { files, read, isRefusal }: Reader = READERS[name];
  const whole = files();
  const faults: { seed: number; error: string }[] = [];
  let [done, slowestMs] = [0, 0];
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const file = mutate(whole[seed % whole.length]!, seed);
    const startedMs = performance.now();
    try {
      await read(file);
      done++;
    } catch (error) {
      if (!isRefusal(error)) faults.push({ seed, error: error instanceof Error ? String(error.stack) : String(error) });
    }
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
  }
  return { files: count, read: done, slowestMs, faults };
}
