/** A picture -> nested bytes 0..255 of the model's shape, [height, width] or [height, width, channels]: on white, averaged to size. */
import type { Picture } from './png.ts';

export interface PixelShape {
  readonly width: number;
  readonly height: number;
  /** 1 or none: grey; 3: RGB; 4: RGBA. */
  readonly channels: number | undefined;
  readonly invert: boolean;
}

/** Luma of ITU-R BT.601, what grey mostly means. */
const LUMA = [0.299, 0.587, 0.114] as const;

/** @throws {RangeError} for a number of channels that is no picture's */
export function toPixels(picture: Picture, { width, height, channels, invert }: PixelShape): unknown[] {
  const wanted = channels ?? 1;
  if (![1, 3, 4].includes(wanted)) throw new RangeError(`the model takes ${wanted} channels, a picture has 1, 3 or 4`);
  if (width < 1 || height < 1) throw new RangeError(`the model takes ${height} x ${width} values, which is no picture`);
  const byte = (value: number): number => Math.round(invert ? 255 - value : value);
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_unused, x) => {
      const [r, g, b, a] = averaged(picture, spanOf(x, width, picture.width), spanOf(y, height, picture.height));
      if (channels === undefined) return byte(luma(r, g, b));
      if (channels === 1) return [byte(luma(r, g, b))];
      const colours = [byte(r), byte(g), byte(b)];
      return channels === 4 ? [...colours, Math.round(a)] : colours;
    }),
  );
}

function luma(r: number, g: number, b: number): number {
  return LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
}

/** Which part of the picture becomes pixel `index` of `count`. */
function spanOf(index: number, count: number, size: number): readonly [number, number] {
  return [(index * size) / count, ((index + 1) * size) / count];
}

/** The mean over a part, by area; what is clear lets white through. */
function averaged(
  { width, rgba }: Picture,
  [left, right]: readonly [number, number],
  [top, bottom]: readonly [number, number],
): [r: number, g: number, b: number, a: number] {
  const sum: [number, number, number, number] = [0, 0, 0, 0];
  for (let y = Math.floor(top); y < bottom; y++) {
    const rows = Math.min(bottom, y + 1) - Math.max(top, y);
    for (let x = Math.floor(left); x < right; x++) {
      const area = rows * (Math.min(right, x + 1) - Math.max(left, x));
      const at = (y * width + x) * 4;
      const alpha = rgba[at + 3]!;
      for (let c = 0; c < 3; c++) sum[c]! += area * (255 + ((rgba[at + c]! - 255) * alpha) / 255);
      sum[3] += area * alpha;
    }
  }
  const whole = (right - left) * (bottom - top);
  return [sum[0] / whole, sum[1] / whole, sum[2] / whole, sum[3] / whole];
}
