/** Pictures are files that say what they should: a PNG is read back by its own chunks, an SVG is well-formed. */
import { inflateSync } from 'node:zlib';
import { XMLParser } from 'fast-xml-parser';
import { describe, expect, test } from '@jest/globals';
import type { ExplainedRow } from '../../../shared/explain/answer.ts';
import { pictureOf, pictureType } from '../../../shared/explain/picture/picture.ts';

const row = (fields: Partial<ExplainedRow>): ExplainedRow => ({
  method: 'integrated_gradients',
  target: 'a<b',
  explains: 'logit',
  output: 1.5,
  attributions: {},
  ...fields,
});

interface Png {
  readonly width: number;
  readonly height: number;
  /** RGB at a place. */
  readonly at: (x: number, y: number) => number[];
}

function readPng(bytes: Uint8Array): Png {
  const file = Buffer.from(bytes);
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  const length = file.readUInt32BE(33);
  const rows = inflateSync(file.subarray(41, 41 + length));
  const at = (x: number, y: number): number[] => [...rows.subarray(y * (1 + 3 * width) + 1 + 3 * x).subarray(0, 3)];
  return { width, height, at };
}

describe('pictures', () => {
  test('of an image are a PNG with red where it speaks for the target and blue where it speaks against', () => {
    const picture = pictureOf(
      row({
        attributions: [
          [1, 0],
          [0, -1],
        ],
      }),
      {
        image: [
          [0, 0],
          [0, 0],
        ],
      },
      'image/png',
    );
    const { width, height, at } = readPng(picture);

    expect([...picture.subarray(0, 8)]).toEqual([137, 80, 78, 71, 13, 10, 26, 10]);
    expect([width, height]).toEqual([224, 224]);
    const [red, white, blue] = [at(3, 3), at(220, 3), at(220, 220)];
    expect(red[0]).toBeGreaterThan(red[2]! + 100);
    expect(white).toEqual([255, 255, 255]);
    expect(blue[2]).toBeGreaterThan(blue[0]! + 100);
  });

  test('of a table, a text and an image are well-formed SVG that escapes what is not ours', () => {
    const rows = [
      row({ attributions: { 'a&b': 1, '<c>': -2 } }),
      row({ attributions: [0.5, -1], tokens: ['"so"', '<bad>'] }),
      row({
        attributions: [
          [1, 2],
          [3, 4],
        ],
      }),
    ];
    const pictures = rows.map((one) =>
      Buffer.from(
        pictureOf(
          one,
          [
            [0, 1],
            [2, 3],
          ],
          'image/svg+xml',
        ),
      ).toString('utf8'),
    );

    for (const picture of pictures)
      expect(new XMLParser().parse(picture)).toMatchObject({ svg: { text: expect.anything() } });
    expect(pictures[0]).toContain('a&amp;b');
    expect(pictures[1]).toContain('&lt;bad&gt;');
    expect(pictures[2]).toContain('data:image/png;base64,');
  });

  test('are chosen by what Accept names first, and refused where there is no image', () => {
    expect(['image/png', 'image/svg+xml, */*', 'application/json, image/png', ''].map(pictureType)).toEqual([
      'image/png',
      'image/svg+xml',
      undefined,
      undefined,
    ]);
    expect(() => pictureOf(row({ attributions: { a: 1 } }), { a: 1 }, 'image/png')).toThrow(/image\/svg\+xml/);
  });
});
