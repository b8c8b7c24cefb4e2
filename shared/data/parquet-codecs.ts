/** Decompression of Parquet pages: a page that unpacks to more than its header says is a bomb, and refused. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Compressors } from 'hyparquet';

const upTo = (sizeBytes: number) => ({ maxOutputLength: Math.max(1, sizeBytes) });

/** Snappy is the package's own, into a buffer of the size that the header says. */
export const COMPRESSORS: Compressors = {
  GZIP: (input, size) => gunzipSync(input, upTo(size)),
  BROTLI: (input, size) => brotliDecompressSync(input, upTo(size)),
  ZSTD: (input, size) => zstdDecompressSync(input, upTo(size)),
};
