/**
 * Checks the run lengths within a Parquet data page: the reader writes a run as long as it says it is, whatever the page holds.
 * Source: https://parquet.apache.org/docs/file-format/data-pages/encodings/ "Run Length Encoding / Bit-Packing Hybrid"
 */
import type { ColumnMetaData, PageHeader, SchemaTree } from 'hyparquet';
import { decompressPage } from 'hyparquet/src/datapage.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from 'hyparquet/src/schema.js';
import { COMPRESSORS } from './parquet-codecs.ts';

const IN_RUNS = ['PLAIN_DICTIONARY', 'RLE_DICTIONARY', 'RLE'];

/** @throws {RangeError} where a run is longer than the page, or the page ends within one */
export function checkRuns(
  packed: Uint8Array,
  header: PageHeader,
  { codec, type }: ColumnMetaData,
  path: SchemaTree[],
): void {
  const levels = [getMaxRepetitionLevel(path), getMaxDefinitionLevel(path)].map(widthOf);
  const { data_page_header: v1, data_page_header_v2: v2, uncompressed_page_size: size } = header;
  if (v1 !== undefined) {
    const view = viewOf(decompressPage(packed, size, codec, COMPRESSORS));
    let at = 0;
    for (const width of levels.filter((bits) => bits > 0)) at = checkPrefixed(view, at, width, v1.num_values);
    if (IN_RUNS.includes(v1.encoding)) checkIndices(view, at, type, v1.num_values);
  }
  if (v2 !== undefined) {
    const lengths = [v2.repetition_levels_byte_length, v2.definition_levels_byte_length] as const;
    const [repetitions, definitions] = lengths;
    const start = repetitions + definitions;
    if (levels[0]! > 0) checkHybrid(viewOf(packed), 0, levels[0]!, v2.num_values);
    if (levels[1]! > 0) checkHybrid(viewOf(packed), repetitions, levels[1]!, v2.num_values);
    const rest = packed.subarray(start);
    const page = v2.is_compressed === false ? rest : decompressPage(rest, size - start, codec, COMPRESSORS);
    if (IN_RUNS.includes(v2.encoding)) checkIndices(viewOf(page), 0, type, v2.num_values);
  }
}

/** Bits of a level up to `max`. */
function widthOf(max: number): number {
  return 32 - Math.clz32(max);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Booleans have their length before them, places in a dictionary their width. */
function checkIndices(view: DataView, at: number, type: string, most: number): void {
  if (type === 'BOOLEAN') checkPrefixed(view, at, 1, most);
  else if (most > 0 && view.byteLength > at) checkHybrid(view, at + 1, view.getUint8(at), most);
}

/** @returns where the runs end */
function checkPrefixed(view: DataView, at: number, width: number, most: number): number {
  checkHybrid(view, at + 4, width, most);
  return at + 4 + view.getUint32(at, true);
}

function checkHybrid(view: DataView, start: number, width: number, most: number): void {
  for (let at = start, seen = 0; seen < most && at < view.byteLength;) {
    let header = 0;
    for (let shift = 0, isLast = false; !isLast; shift += 7) {
      const byte = view.getUint8(at++);
      header += (byte & 0x7f) * 2 ** shift;
      isLast = byte < 0x80;
    }
    const isPacked = header % 2 === 1;
    const count = Math.floor(header / 2) * (isPacked ? 8 : 1);
    // Packed values come in eights, the last of which may be filled up.
    if (count > most + (isPacked ? 7 : 0)) throw new RangeError(`a run of ${count} values in a page of ${most}`);
    seen += count;
    at += isPacked ? (count / 8) * width : (width + 7) >> 3;
  }
}
