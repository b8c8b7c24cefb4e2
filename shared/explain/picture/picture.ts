/** Explanations to look at: a heat map over an image, highlighted tokens of a text, bars of a table. Red speaks for the target, blue against it. */
import { ServiceError } from '../../errors.ts';
import type { ExplainedRow, Nested } from '../answer.ts';
import { encodePng } from './png.ts';

export const PICTURE_TYPES = ['image/png', 'image/svg+xml'] as const;
export type PictureType = (typeof PICTURE_TYPES)[number];

/** Pixels along the longer side of a heat map, about. */
const SIZE = 224;
const ROW_HEIGHT = 22;
const WIDTH = 480;

/** The picture that an Accept header asks for, where it asks for one before JSON. */
export function pictureType(accept: string): PictureType | undefined {
  const asked = accept.split(',').map((part) => part.split(';')[0]!.trim().toLowerCase());
  return PICTURE_TYPES.find((type) => type === asked[0]);
}

/** @throws invalid_request where a PNG is asked for of what is no image */
export function pictureOf(row: ExplainedRow, instance: unknown, type: PictureType): Uint8Array {
  const { attributions } = row;
  const image =
    Array.isArray(attributions) && Array.isArray(attributions[0]) ? (attributions as readonly Nested[]) : undefined;
  if (image !== undefined) {
    const png = heatMap(image, imageOf(instance));
    return type === 'image/png' ? png.bytes : Buffer.from(embedded(row, png));
  }
  if (type === 'image/png') {
    const message =
      'Accept: image/png is for heat maps of images; of this model ask for image/svg+xml or application/json';
    throw new ServiceError('invalid_request', message);
  }
  return Buffer.from(row.tokens === undefined ? bars(row) : tokens(row));
}

/** Every element under one place of the first two axes, summed up. */
function planeOf(rows: readonly Nested[]): number[][] {
  const sum = (value: Nested): number =>
    typeof value === 'number' ? value : value.reduce<number>((total, part) => total + sum(part), 0);
  return rows.map((row) => (row as readonly Nested[]).map(sum));
}

/** The instance's tensor, bare or as the one field of an object. */
function imageOf(instance: unknown): readonly Nested[] {
  return (Array.isArray(instance) ? instance : Object.values(instance as object)[0]) as readonly Nested[];
}

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
}

/** The image in grey, coloured by what each place gives, enlarged by whole pixels. */
function heatMap(attributions: readonly Nested[], image: readonly Nested[]): Picture {
  const [heat, grey] = [planeOf(attributions), planeOf(image)];
  const [height, width] = [heat.length, heat[0]!.length];
  const scale = Math.max(1, Math.floor(SIZE / Math.max(height, width)));
  const strongest = Math.max(...heat.flat().map(Math.abs)) || 1;
  const values = grey.flat();
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const pixels = new Uint8Array(height * width * scale * scale * 3);
  for (let y = 0; y < height * scale; y++) {
    for (let x = 0; x < width * scale; x++) {
      const [i, j] = [Math.floor(y / scale), Math.floor(x / scale)];
      const light = 255 - 110 * ((grey[i]![j]! - low) / (high - low || 1));
      pixels.set(mixed(light, heat[i]![j]! / strongest), (y * width * scale + x) * 3);
    }
  }
  return { width: width * scale, height: height * scale, bytes: encodePng(width * scale, height * scale, pixels) };
}

const RED = [214, 39, 40] as const;
const BLUE = [31, 90, 180] as const;

/** Grey of a lightness, mixed with red or blue by the share in [-1, 1]. */
function mixed(light: number, share: number): number[] {
  const weight = Math.sqrt(Math.abs(share));
  return (share >= 0 ? RED : BLUE).map((part) => Math.round(light * (1 - weight) + part * weight));
}

const colour = (share: number): string => `rgb(${mixed(255, share).join(',')})`;

function svg(width: number, height: number, body: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="white"/>${body}</svg>\n`;
}

const title = ({ method, target, explains, output }: ExplainedRow): string =>
  `<text x="8" y="16">${escaped(`${method}: ${String(target)}, ${explains} ${round(output)}`)}</text>`;

function embedded(row: ExplainedRow, { width, height, bytes }: Picture): string {
  const data = Buffer.from(bytes).toString('base64');
  const image = `<image x="8" y="26" width="${width}" height="${height}" href="data:image/png;base64,${data}"/>`;
  return svg(Math.max(width + 16, WIDTH), height + 34, title(row) + image);
}

function bars(row: ExplainedRow): string {
  const entries = Object.entries(row.attributions as Readonly<Record<string, Nested>>)
    .map(([name, value]) => [name, value as number] as const)
    .sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  const strongest = Math.max(...entries.map(([, value]) => Math.abs(value))) || 1;
  const parts = entries.map(([name, value], i) => {
    const [y, length] = [30 + i * ROW_HEIGHT, (Math.abs(value) / strongest) * 120];
    const x = value >= 0 ? 320 : 320 - length;
    return `<text x="8" y="${y + 13}">${escaped(name)}</text><rect x="${x.toFixed(1)}" y="${y}" width="${length.toFixed(1)}" height="16" fill="${colour(Math.sign(value))}"/><text x="150" y="${y + 13}">${round(value)}</text>`;
  });
  return svg(WIDTH, 38 + entries.length * ROW_HEIGHT, title(row) + parts.join(''));
}

function tokens(row: ExplainedRow): string {
  const values = (row.attributions as readonly number[]).slice(0, row.tokens!.length);
  const strongest = Math.max(...values.map(Math.abs)) || 1;
  let [x, y] = [8, 28];
  const parts = row.tokens!.map((token, i) => {
    const width = 8 * token.length + 8;
    if (x + width > WIDTH - 8) [x, y] = [8, y + ROW_HEIGHT];
    const at = x;
    x += width + 4;
    return `<rect x="${at}" y="${y}" width="${width}" height="18" rx="3" fill="${colour(values[i]! / strongest)}"/><text x="${at + 4}" y="${y + 14}" textLength="${width - 8}">${escaped(token)}</text>`;
  });
  return svg(WIDTH, y + 30, title(row) + parts.join(''));
}

const round = (value: number): string => String(Number(value.toPrecision(4)));

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
