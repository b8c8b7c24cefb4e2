/** A file's bytes as the readers take them: in pieces, and again from the beginning for their second pass. */
import { isUtf8 } from 'node:buffer';
import { invalidDataset } from './row-errors.ts';

/** The bytes, or what gives them from the beginning each time it is iterated. */
export type ByteSource = Uint8Array | AsyncIterable<Uint8Array>;

/** A row is put together in memory, whatever the size of its file. UTF-16 units. */
export const MAX_ROW_CHARS = 2 ** 25;

const PIECE_BYTES = 64 * 1024;

/** The bytes in pieces of at most 64 KiB. */
export async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source instanceof Uint8Array ? [source] : source)
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
}

/** The first bytes, `size` of them where there are so many. */
export async function headOf(source: ByteSource, size = PIECE_BYTES): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let found = 0;
  for await (const piece of piecesOf(source)) {
    parts.push(piece);
    found += piece.length;
    if (found >= size) break;
  }
  return Buffer.concat(parts).subarray(0, size);
}

/** The pieces, checked to be UTF-8 as they pass. @throws dataset_invalid naming the line */
export async function* checkedPieces(source: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  let before: Uint8Array = new Uint8Array();
  for await (const piece of piecesOf(source)) {
    try {
      decoder.decode(piece, { stream: true });
    } catch {
      throw notUtf8(line + wholeLines(Buffer.concat([lastCharacter(before), piece])));
    }
    for (let at = piece.indexOf(0x0a); at !== -1; at = piece.indexOf(0x0a, at + 1)) line++;
    before = piece;
    yield piece;
  }
  try {
    decoder.decode();
  } catch {
    throw notUtf8(line);
  }
}

/** How many lines of bytes are UTF-8 before the first that is not. */
function wholeLines(bytes: Buffer): number {
  let count = 0;
  for (let begin = 0; ; count++) {
    const end = bytes.indexOf(0x0a, begin);
    if (end === -1 || !isUtf8(bytes.subarray(begin, end))) return count;
    begin = end + 1;
  }
}

/** The bytes of a last character that the next piece may go on with. */
function lastCharacter(piece: Uint8Array): Uint8Array {
  const tail = piece.subarray(-4);
  const begin = tail.findLastIndex((byte) => (byte & 0xc0) !== 0x80);
  return begin === -1 || tail[begin]! < 0x80 ? new Uint8Array() : tail.subarray(begin);
}

const notUtf8 = (line: number): Error =>
  invalidDataset(`not valid UTF-8 at line ${line}`, { hint: 'save the file as UTF-8' });
