import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { readIdx } from '../../../shared/data/idx.ts';

/** An IDX file by the format's own words: magic (0, 0, type, rank), big-endian sizes, values. */
function idx(type: number, shape: number[], values: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, type, shape.length]);
  shape.forEach((size, i) => header.writeUInt32BE(size, 4 + 4 * i));
  return Buffer.concat([header, values]);
}

const images = idx(
  0x08,
  [2, 2, 3],
  Uint8Array.from({ length: 12 }, (_, i) => i * 20),
);
const labels = idx(0x08, [2], Uint8Array.of(7, 3));

describe('reading IDX', () => {
  test('makes pixels and labels of the two files, gzip or not', async () => {
    const plain = await readIdx({ images, labels });
    const zipped = await readIdx({ images: gzipSync(images), labels: gzipSync(labels) });

    expect(plain.rows).toBe(2);
    expect(plain.columns[0]).toMatchObject({ name: 'image', type: 'tensor', shape: [2, 3] });
    expect([...plain.columns[0]!.values]).toEqual([0, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 220]);
    expect(plain.columns[1]).toEqual({ name: 'label', type: 'integer', values: Float64Array.of(7, 3) });
    expect(zipped).toEqual(plain);
  });

  test('reads big-endian floats as float32', async () => {
    const values = Buffer.alloc(16);
    [0.5, -1, 2, 3.25].forEach((value, i) => values.writeFloatBE(value, 4 * i));

    const table = await readIdx({ images: idx(0x0d, [2, 2], values), labels });

    expect(table.columns[0]).toEqual({
      name: 'image',
      type: 'tensor',
      shape: [2],
      values: Float32Array.of(0.5, -1, 2, 3.25),
    });
  });

  test.each([
    ['labels alone', { labels }, /labels without images.*upload "images" too/],
    ['images alone', { images }, /images without labels/],
    ['counts that differ', { images, labels: idx(0x08, [3], new Uint8Array(3)) }, /2 images but 3 labels/],
    [
      'truncated images',
      { images: images.subarray(0, 20), labels },
      /images: truncated: ubyte of shape \[2, 2, 3\] needs 28 bytes, found 20/,
    ],
    [
      'a truncated header',
      { images: images.subarray(0, 6), labels },
      /images: truncated: expected 16 bytes of header, found 6/,
    ],
    [
      'a bad magic number',
      { images: Buffer.from('89504e470d0a', 'hex'), labels },
      /images: not an IDX file.*found 89504e47/,
    ],
    ['an empty file', { images: new Uint8Array(0), labels }, /images: the file is empty/],
    ['a truncated gzip', { images: gzipSync(images).subarray(0, 20), labels }, /images: a broken or truncated gzip/],
    ['swapped files', { images: labels, labels: images }, /images: expected at least 2 dimensions.*found \[2\]/],
  ])('refuses %s', async (_, files, message) => {
    await expect(readIdx(files)).rejects.toThrow(message);
  });
});
