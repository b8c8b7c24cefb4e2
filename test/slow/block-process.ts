/**
 * A training on a file of rows that memory is not to hold, as a process of its own: in one segment and in seven. Prints the checkpoints' hashes,
 * the figures and the peak memory. Arguments: the family, the file, and what rows may take in memory; without that, once, with all rows in memory.
 */
import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import type { Column } from '../../shared/data/table.ts';
import type { SourceColumn, TableSource } from '../../shared/data/table-source.ts';
import type { TrainingSpec } from '../../shared/families/spec.ts';
import { runSegment } from '../../shared/runtime/trainer.ts';
import type { SegmentResult } from '../../shared/runtime/trainer.ts';
import { COLUMNS } from './block-files.ts';

const PIXELS = 28 * 28;
const SEGMENTS = 7;

const [family = '', path = '', memoryBytes = 'Infinity'] = process.argv.slice(2);
const { size: bytes } = await stat(path);
const file = await open(path);

/** Bytes of the file, from `at` on. */
async function read(at: number, count: number): Promise<Uint8Array> {
  const { buffer } = await file.read(new Uint8Array(count), 0, count, at);
  return buffer;
}

function sourceOf(
  rows: number,
  columns: readonly SourceColumn[],
  column: (name: string, begin: number, end: number) => Promise<Column>,
): TableSource {
  return {
    rows,
    columns,
    bytes,
    async read(names, begin, end) {
      return { rows: end - begin, columns: await Promise.all(names.map((name) => column(name, begin, end))) };
    },
  };
}

/** Images, and behind them their labels, a byte each. */
function digits(): TableSource {
  const rows = bytes / (PIXELS + 1);
  const columns = [
    { name: 'image', type: 'tensor', shape: [28, 28] },
    { name: 'label', type: 'integer' },
  ] as const;
  return sourceOf(rows, columns, async (name, begin, end) => {
    if (name === 'image')
      return { name, type: 'tensor', shape: [28, 28], values: await read(begin * PIXELS, (end - begin) * PIXELS) };
    return { name, type: 'integer', values: Float64Array.from(await read(rows * PIXELS + begin, end - begin)) };
  });
}

/** Columns of doubles, one behind the other; the last is the group. */
function groups(): TableSource {
  const rows = bytes / 8 / COLUMNS.length;
  const columns = COLUMNS.map((name) => ({
    name,
    type: name === 'group' ? ('integer' as const) : ('number' as const),
  }));
  return sourceOf(rows, columns, async (name, begin, end) => {
    const stored = await read(8 * (COLUMNS.indexOf(name) * rows + begin), 8 * (end - begin));
    return { name, type: name === 'group' ? 'integer' : 'number', values: new Float64Array(stored.buffer) };
  });
}

const layers = [
  'flatten',
  { dense: { units: 32, activation: 'relu' } },
  { dense: { units: 10, activation: 'softmax' } },
];
const features = COLUMNS.filter((name) => name !== 'group');
const TRAININGS: Readonly<Record<string, { readonly spec: TrainingSpec; readonly train: () => TableSource }>> = {
  cnn: {
    spec: {
      ...{ task: 'classification', family: 'cnn', target: 'label', features: ['image'] },
      params: { layers, epochs: 1, batch_size: 128 },
    },
    train: digits,
  },
  logistic_regression: {
    spec: { task: 'classification', family: 'logistic_regression', target: 'group', features, params: {} },
    train: groups,
  },
  kmeans: {
    spec: { task: 'clustering', family: 'kmeans', features, params: { n_clusters: 3, n_init: 4 } },
    train: groups,
  },
};
const { spec, train } = TRAININGS[family]!;
const source = train();
const isWhole = memoryBytes === 'Infinity';
const names = source.columns.map(({ name }) => name);
const rows = isWhole ? await source.read(names, 0, source.rows) : source;
const options = { spec: { ...spec, seed: 0 }, train: rows, memoryBytes: Number(memoryBytes), threads: 1 };

async function inSegments(count: number): Promise<SegmentResult> {
  let result: SegmentResult | undefined;
  for (let segment = 1; result?.status !== 'finished'; segment++) {
    let fraction = 0;
    result = await runSegment({
      ...options,
      checkpoint: result?.checkpoint,
      shouldStop: () => segment < count && fraction >= segment / count,
      onEvent: ({ progress }) => void (fraction = progress.fraction),
    });
  }
  return result;
}

const hash = ({ checkpoint }: SegmentResult): string => createHash('sha256').update(checkpoint).digest('hex');
const startedMs = performance.now();
const whole = await inSegments(1);
const seconds = (performance.now() - startedMs) / 1000;
const cut = isWhole ? whole : await inSegments(SEGMENTS);
await file.close();
console.log(
  JSON.stringify({
    bytes,
    seconds,
    hashes: [hash(whole), hash(cut)],
    metrics: whole.metrics.validation,
    // Kilobytes, by getrusage(2).
    peak_bytes: process.resourceUsage().maxRSS * 1024,
  }),
);
