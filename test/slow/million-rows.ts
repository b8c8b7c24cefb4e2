/** Writes a CSV file of a million rows and about 100 MB: numbers, whole numbers, a category, a date, a flag and some gaps. */
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';

export const ROWS = 1_000_000;
const CITIES = ['Amsterdam', 'Bern', 'Copenhagen', 'Dublin', 'Edinburgh', 'Florence'];
const BLOCK_ROWS = 10_000;

export async function writeMillionRows(path: string): Promise<number> {
  const file = createWriteStream(path);
  const header = 'id,area,rooms,price,distance,slope,city,built,garden\n';
  file.write(header);
  let bytes = header.length;
  for (let begin = 0; begin < ROWS; begin += BLOCK_ROWS) {
    const lines = Array.from({ length: BLOCK_ROWS }, (_, i) => lineOf(begin + i)).join('');
    bytes += lines.length;
    if (!file.write(lines)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'close');
  return bytes;
}

function lineOf(row: number): string {
  const wave = Math.sin(row * 0.7548776662) * 1000;
  const gap = row % 97 === 0;
  const cells = [
    row,
    gap ? '' : (wave + 1500).toFixed(10),
    (row * 7919) % 9,
    (wave * wave).toFixed(10),
    (row / 3).toFixed(10),
    (wave / 7).toExponential(12),
    CITIES[(row * 31) % CITIES.length],
    new Date(Date.UTC(2000, 0, 1) + (row % 9000) * 86_400_000).toISOString().slice(0, 10),
    row % 3 === 0,
  ];
  return `${cells.join(',')}\n`;
}
