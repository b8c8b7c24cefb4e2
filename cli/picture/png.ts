/**
 * PNG -> RGBA, 8 bits a channel: every colour type and depth; interlaced ones are refused by name. Node's zlib does the hard
 * part, so that no package is needed.
 * Source: https://www.w3.org/TR/png-3/
 */
import { inflateSync } from 'node:zlib';

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** width * height * 4: red, green, blue, alpha. */
  readonly rgba: Uint8Array;
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Samples a pixel by colour type: grey, RGB, palette, grey and alpha, RGBA. */
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** Far more than a model takes, and far less than memory. */
const MAX_PIXELS = 50_000_000;

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.equals(bytes.subarray(0, SIGNATURE.length));
}

/** @throws {RangeError} for a file that is damaged, too large or interlaced */
export function decodePng(bytes: Buffer): Picture {
  const chunks = chunksOf(bytes);
  const header = headerOf(chunks.get('IHDR')?.[0]);
  const { width, height, depth, colour } = header;
  const bitsPerPixel = SAMPLES[colour]! * depth;
  const stride = Math.ceil((width * bitsPerPixel) / 8);
  const expected = (stride + 1) * height;
  const packed = Buffer.concat(chunks.get('IDAT') ?? []);
  const filtered = inflateSync(packed, { maxOutputLength: expected + 1 });
  if (filtered.length !== expected)
    throw new RangeError(`a damaged PNG: expected ${expected} bytes, got ${filtered.length}`);
  const rows = unfilter(filtered, stride, Math.max(1, bitsPerPixel >> 3));
  const [palette] = chunks.get('PLTE') ?? [];
  const [transparent] = chunks.get('tRNS') ?? [];
  return { width, height, rgba: coloured({ header, rows, stride, palette, transparent }) };
}

function chunksOf(bytes: Buffer): Map<string, Buffer[]> {
  const chunks = new Map<string, Buffer[]>();
  for (let at = SIGNATURE.length; at + 12 <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (at + 12 + length > bytes.length) throw new RangeError(`a damaged PNG: its ${type} is cut off`);
    chunks.set(type, [...(chunks.get(type) ?? []), bytes.subarray(at + 8, at + 8 + length)]);
    at += 12 + length;
  }
  return chunks;
}

function headerOf(chunk: Buffer | undefined): Header {
  if (chunk?.length !== 13) throw new RangeError('a damaged PNG: it has no header');
  const [width, height] = [chunk.readUInt32BE(0), chunk.readUInt32BE(4)];
  const [depth = 0, colour = 0, , , interlace] = chunk.subarray(8);
  if (width * height === 0 || width * height > MAX_PIXELS)
    throw new RangeError(`expected a picture of 1 to ${MAX_PIXELS} pixels, got ${width} x ${height}`);
  if (SAMPLES[colour] === undefined || ![1, 2, 4, 8, 16].includes(depth))
    throw new RangeError(`a damaged PNG: there is no colour type ${colour} of ${depth} bits`);
  if (interlace !== 0) throw new RangeError('an interlaced PNG, which is not read: save it without interlacing');
  return { width, height, depth, colour };
}

/** Undoes the filter of each row (section 9), in place; `bpp` is how far back the pixel before stands. */
function unfilter(bytes: Buffer, stride: number, bpp: number): Uint8Array {
  const rows = new Uint8Array((bytes.length / (stride + 1)) * stride);
  for (let row = 0, from = 0, to = 0; from < bytes.length; row++, to += stride) {
    const filter = bytes[from++]!;
    if (filter > 4) throw new RangeError(`a damaged PNG: row ${row} has the filter ${filter}`);
    for (let i = 0; i < stride; i++, from++) {
      const left = i >= bpp ? rows[to + i - bpp]! : 0;
      const up = row > 0 ? rows[to + i - stride]! : 0;
      const corner = row > 0 && i >= bpp ? rows[to + i - stride - bpp]! : 0;
      rows[to + i] = bytes[from]! + predicted(filter, left, up, corner);
    }
  }
  return rows;
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 4) return paeth(left, up, corner);
  return [0, left, up, (left + up) >> 1][filter]!;
}

/** The neighbour that is nearest to left + up - corner. */
function paeth(left: number, up: number, corner: number): number {
  const estimate = left + up - corner;
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

interface Raster {
  readonly header: Header;
  readonly rows: Uint8Array;
  readonly stride: number;
  readonly palette: Buffer | undefined;
  readonly transparent: Buffer | undefined;
}

function coloured(raster: Raster): Uint8Array {
  const { header, rows, stride } = raster;
  const { width, height, depth, colour } = header;
  const samples = SAMPLES[colour]!;
  const rgba = new Uint8Array(width * height * 4);
  const pixel: number[] = Array.from({ length: samples }, () => 0);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 4) {
      for (let s = 0; s < samples; s++) pixel[s] = sample(rows, y * stride, x * samples + s, depth);
      rgba.set(colourOf(pixel, raster), to);
    }
  }
  return rgba;
}

/** The sample as it is stored: `index` counts samples in the row that begins at `row`. */
function sample(rows: Uint8Array, row: number, index: number, depth: number): number {
  if (depth === 8) return rows[row + index]!;
  if (depth === 16) return (rows[row + 2 * index]! << 8) | rows[row + 2 * index + 1]!;
  const bit = index * depth;
  return (rows[row + (bit >> 3)]! >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
}

function colourOf(pixel: readonly number[], { header, palette, transparent }: Raster): number[] {
  const { depth, colour } = header;
  const [a = 0, b = 0, c = 0, d = 0] = pixel;
  if (colour === 3) {
    if (palette === undefined || 3 * a + 2 >= palette.length)
      throw new RangeError(`a damaged PNG: it has no colour ${a}`);
    return [palette[3 * a]!, palette[3 * a + 1]!, palette[3 * a + 2]!, transparent?.[a] ?? 255];
  }
  const max = 2 ** depth - 1;
  const scale = (value: number): number => Math.round((value * 255) / max);
  const isClear = transparent !== undefined && pixel.every((value, i) => transparent.readUInt16BE(2 * i) === value);
  if (colour === 0) return [scale(a), scale(a), scale(a), isClear ? 0 : 255];
  if (colour === 2) return [scale(a), scale(b), scale(c), isClear ? 0 : 255];
  if (colour === 4) return [scale(a), scale(a), scale(a), scale(b)];
  return [scale(a), scale(b), scale(c), scale(d)];
}
