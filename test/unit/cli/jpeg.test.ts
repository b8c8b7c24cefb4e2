/** JPEGs: test/fixtures/jpeg.json has two that jpeg-js 0.4.4 has written (and one that is light on its right), with the pixels that it reads there. */
import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import fixtures from '../../fixtures/jpeg.json';

interface Decoded {
  readonly width: number;
  readonly height: number;
  readonly rgba: readonly number[];
  readonly error?: string;
}

function decoded(...files: Buffer[]): Decoded[] {
  const input = JSON.stringify(files.map((file) => file.toString('base64')));
  const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'test/unit/cli/jpeg-process.ts'], {
    input,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Decoded[];
}

const [colours, grey] = [fixtures.colours, fixtures.grey].map(({ jpeg, rgba }) => ({
  jpeg: Buffer.from(jpeg, 'base64'),
  rgba: [...Buffer.from(rgba, 'base64')],
})) as [{ jpeg: Buffer; rgba: number[] }, { jpeg: Buffer; rgba: number[] }];

/** With an Exif segment that says only how the picture lies. Source: Exif 2.3, tag 0x0112 */
function turned(jpeg: Buffer, orientation: number): Buffer {
  const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
  const exif = [...Buffer.from('Exif\0\0', 'latin1'), ...tiff];
  return Buffer.concat([jpeg.subarray(0, 2), Buffer.from([0xff, 0xe1, 0, exif.length + 2, ...exif]), jpeg.subarray(2)]);
}

test('are read as jpeg-js does, within the rounding of another cosine transform', () => {
  const pictures = decoded(colours.jpeg, grey.jpeg);

  for (const [i, { rgba }] of [colours, grey].entries()) {
    const { width, height, rgba: read } = pictures[i]!;
    expect([width, height, read.length]).toEqual([19, 13, 19 * 13 * 4]);
    expect(Math.max(...read.map((value, at) => Math.abs(value - rgba[at]!)))).toBeLessThanOrEqual(3);
  }
});

test('are turned upright as their Exif data say', () => {
  const [whole, upright] = decoded(grey.jpeg, turned(grey.jpeg, 6)) as [Decoded, Decoded];

  // 6: the left edge of the file, from its bottom up, is the first row.
  const firstRow = Array.from({ length: 13 }, (_, x) => whole.rgba[(12 - x) * 19 * 4]);
  expect([upright.width, upright.height]).toEqual([13, 19]);
  expect(Array.from({ length: 13 }, (_, x) => upright.rgba[x * 4])).toEqual(firstRow);
});

test('that are damaged are refused in words, and the next is read', () => {
  const [cut, empty, next] = decoded(colours.jpeg.subarray(0, 200), colours.jpeg.subarray(0, 3), colours.jpeg);

  expect(cut!.error).toMatch(/a damaged JPEG: \w+/);
  expect(empty!.error).toMatch(/a damaged JPEG: .*no image/);
  expect(next!.width).toBe(19);
});
