/**
 * JPEG -> RGBA, 8 bits a channel, upright by its Exif orientation: by mozjpeg in WebAssembly (@jsquash/jpeg), which runs wherever Node does.
 * Source: https://www.w3.org/Graphics/JPEG/itu-t81.pdf
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import decode, { init } from '@jsquash/jpeg/decode.js';
import type { Picture } from './png.ts';

const DECODER = createRequire(import.meta.url).resolve('@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm');

/** @throws {RangeError} for a file that is damaged or too large, in the decoder's words */
export async function decodeJpeg(bytes: Buffer): Promise<Picture> {
  const said: string[] = [];
  Object.assign(globalThis, { ImageData: Pixels });
  // A decoder for each picture: one that met a damaged file has ended.
  await init({ wasmBinary: readFileSync(DECODER), printErr: (line: string) => void said.push(line) });
  try {
    const pixels: unknown = await decode(new Uint8Array(bytes).buffer, { preserveOrientation: true });
    const { width, height, data } = pixels as Pixels;
    return { width, height, rgba: new Uint8Array(data) };
  } catch (error) {
    throw new RangeError(`a damaged JPEG: ${said.join('; ') || (error as Error).message}`, { cause: error });
  }
}

/** What the decoder makes its answer of; only browsers have one. */
class Pixels {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;

  constructor(data: Uint8ClampedArray, width: number, height: number) {
    this.data = data;
    this.width = width;
    this.height = height;
  }
}
