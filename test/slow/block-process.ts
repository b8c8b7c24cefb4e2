/**
 * A training on a file of images and labels that memory is not to hold, as a process of its own: in one segment and in seven. Prints the checkpoints' hashes,
 * the figures and the peak memory. Arguments: the file, and what rows may take in memory.
 */
import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import type { Column } from '../../shared/data/table.ts';
import type { TableSource } from '../../shared/data/table-source.ts';
import { runSegment } from '../../shared/runtime/trainer.ts';
import type { SegmentResult } from '../../shared/runtime/trainer.ts';

const PIXELS = 28 * 28;
const SEGMENTS = 7;

const [path = '', memoryBytes = ''] = process.argv.slice(2);
const { size: bytes } = await stat(path);
const rows = bytes / (PIXELS + 1);
const file = await open(path);

/** Bytes of the file, from `at` on: the images, and behind them the labels. */
async function read(at: number, count: number): Promise<Uint8Array> {
  const { buffer } = await file.read(new Uint8Array(count), 0, count, at);
  return buffer;
}

async function column(name: string, begin: number, end: number): Promise<Column> {
  if (name === 'label')
    return { name, type: 'integer', values: Float64Array.from(await read(rows * PIXELS + begin, end - begin)) };
  return { name, type: 'tensor', shape: [28, 28], values: await read(begin * PIXELS, (end - begin) * PIXELS) };
}

const train: TableSource = {
  rows,
  columns: [
    { name: 'image', type: 'tensor', shape: [28, 28] },
    { name: 'label', type: 'integer' },
  ],
  bytes,
  async read(names, begin, end) {
    return { rows: end - begin, columns: await Promise.all(names.map((name) => column(name, begin, end))) };
  },
};
const layers = [
  'flatten',
  { dense: { units: 32, activation: 'relu' } },
  { dense: { units: 10, activation: 'softmax' } },
];
const params = { layers, epochs: 1, batch_size: 128 };
const options = {
  spec: { task: 'classification', family: 'cnn', target: 'label', features: ['image'], params, seed: 0 },
  train,
  memoryBytes: Number(memoryBytes),
  threads: 1,
};

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
const whole = await inSegments(1);
const cut = await inSegments(SEGMENTS);
await file.close();
console.log(
  JSON.stringify({
    bytes,
    hashes: [hash(whole), hash(cut)],
    accuracy: whole.metrics.validation['accuracy'],
    // Kilobytes, by getrusage(2).
    peak_bytes: process.resourceUsage().maxRSS * 1024,
  }),
);
