/** Pictures: test/fixtures/png.json has random ones of every kind, each filter among their rows, with the pixels that pngjs 7 reads there. */
import { describe, expect, it } from '@jest/globals';
import { toPixels } from '../../../cli/picture/pixels.ts';
import { decodePng } from '../../../cli/picture/png.ts';
import fixtures from '../../fixtures/png.json';

const { interlaced, ...readable } = fixtures;
const bytesOf = (base64: string): Buffer => Buffer.from(base64, 'base64');

describe('decodePng', () => {
  it.each(Object.entries(readable))('reads %s as pngjs does', (name, { png, rgba }) => {
    const picture = decodePng(bytesOf(png));

    expect([picture.width, picture.height]).toEqual([13, 9]);
    // 16 bits to 8: pngjs may round the other way.
    const allowed = name === 'rgb16' ? 1 : 0;
    const differences = [...bytesOf(rgba)].map((value, i) => Math.abs(value - picture.rgba[i]!));
    expect(picture.rgba).toHaveLength(13 * 9 * 4);
    expect(Math.max(...differences)).toBeLessThanOrEqual(allowed);
  });

  it('refuses what it does not read, by name', () => {
    const whole = bytesOf(readable.rgb8.png);

    expect(() => decodePng(bytesOf(interlaced.png))).toThrow(/interlaced/);
    expect(() => decodePng(whole.subarray(0, whole.length - 40))).toThrow(/cut off/);
    expect(() => decodePng(whole.subarray(0, 8))).toThrow(/no header/);
  });
});

const picture = (...pixels: number[][]) => ({ width: 2, height: 2, rgba: Uint8Array.from(pixels.flat()) });
const SQUARE = picture([255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255], [9, 9, 9, 0]);

describe('toPixels', () => {
  it('makes grey by the weights of BT.601, and white of what is clear', () => {
    expect(toPixels(SQUARE, { width: 2, height: 2, channels: undefined, invert: false })).toEqual([
      [76, 150],
      [29, 255],
    ]);
  });

  it('keeps colours where the model takes them, turned round on demand', () => {
    expect(toPixels(SQUARE, { width: 2, height: 2, channels: 3, invert: true })[0]).toEqual([
      [0, 255, 255],
      [255, 0, 255],
    ]);
  });

  it('averages to a smaller size, by area', () => {
    const [white, black] = [
      [255, 255, 255, 255],
      [0, 0, 0, 255],
    ];
    const stripe = { width: 3, height: 1, rgba: Uint8Array.from([white, black, black].flat()) };

    // Two of three pixels: one white and half a black one, then one and a half black ones.
    expect(toPixels(stripe, { width: 2, height: 1, channels: undefined, invert: false })).toEqual([[170, 0]]);
  });
});
