/** One segment of the reference CNN as a process of its own, as Lambda would run it: takes a file of images and labels, prints the peak memory. */
import { peakMemory } from '../../shared/runtime/peak-memory.ts';
import { readFileSync } from 'node:fs';
import { REFERENCE_LAYERS } from '../../scripts/reference-cnn.ts';
import type { Table } from '../../shared/data/table.ts';
import { runSegment } from '../../shared/runtime/trainer.ts';

const PIXELS = 28 * 28;
const bytes = readFileSync(process.argv[2]!);
const rows = bytes.length / (PIXELS + 1);
const train: Table = {
  rows,
  columns: [
    { name: 'image', type: 'tensor', shape: [28, 28], values: bytes.subarray(0, rows * PIXELS) },
    { name: 'label', type: 'integer', values: Float64Array.from(bytes.subarray(rows * PIXELS)) },
  ],
};
const params = { layers: REFERENCE_LAYERS, epochs: 1, batch_size: 32 };
const { status, metrics } = await runSegment({
  spec: { task: 'classification', family: 'cnn', target: 'label', features: ['image'], params, seed: 0 },
  train,
  threads: 2,
  shouldStop: () => false,
});
// Kilobytes, by getrusage(2).
console.log(JSON.stringify({ status, metrics, peak_bytes: peakMemory() }));
