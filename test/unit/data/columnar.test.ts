import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ColumnarWriter, decodeRows } from '../../../shared/data/columnar.ts';
import type { RowRange, TableManifest } from '../../../shared/data/columnar.ts';
import { sliceTable } from '../../../shared/data/table-source.ts';
import type { Column, Table } from '../../../shared/data/table.ts';

const vector = <T>(item: fc.Arbitrary<T>, length: number) => fc.array(item, { minLength: length, maxLength: length });

function column(rows: number): fc.Arbitrary<Column> {
  const name = fc.string();
  const numbers = vector(fc.double(), rows).map((values) => Float64Array.from(values));
  return fc.oneof(
    fc.record({ name, type: fc.constantFrom('number', 'integer', 'datetime'), values: numbers }),
    fc.record({
      name,
      type: fc.constant('boolean'),
      values: vector(fc.constantFrom(0, 1, 255), rows).map((v) => Uint8Array.from(v)),
    }),
    fc.record({
      name,
      type: fc.constant('category'),
      categories: fc.uniqueArray(fc.string()),
      values: vector(fc.integer({ min: -1, max: 9 }), rows).map((v) => Int32Array.from(v)),
    }),
    fc.record({ name, type: fc.constant('text'), values: vector(fc.option(fc.string({ unit: 'grapheme' })), rows) }),
    fc.record({
      name,
      type: fc.constant('tensor'),
      shape: fc.constant([2, 3]),
      values: fc.oneof(
        vector(fc.float(), rows * 6).map((v) => Float32Array.from(v)),
        vector(fc.nat(255), rows * 6).map((v) => Uint8Array.from(v)),
      ),
    }),
  );
}

const tables: fc.Arbitrary<Table> = fc
  .nat(7)
  .chain((rows) => fc.array(column(rows), { maxLength: 5 }).map((columns) => ({ rows, columns })));

/** Blocks as they are stored, read back through JSON and from unaligned bytes. */
class Stored {
  readonly asked: string[] = [];
  readonly manifest: TableManifest;
  readonly objects = new Map<string, Uint8Array>();

  constructor(...blocks: Table[]) {
    const writer = new ColumnarWriter();
    for (const block of blocks) {
      const { name, bytes } = writer.add(block);
      this.objects.set(name, bytes.slice());
    }
    this.manifest = JSON.parse(JSON.stringify(writer.manifest())) as TableManifest;
  }

  read(range: RowRange): Promise<Table> {
    const readRange = async (object: string, begin: number, end: number) => {
      this.asked.push(`${object} ${begin} ${end}`);
      const shifted = new Uint8Array(end - begin + 1);
      shifted.set(this.objects.get(object)!.subarray(begin, end), 1);
      return shifted.subarray(1);
    };
    return decodeRows(this.manifest, readRange, range);
  }
}

const tablesAndRanges = tables.chain((table) => {
  const places = fc.array(fc.nat(table.rows), { minLength: 4, maxLength: 4 }).map((all) => all.sort((a, b) => a - b));
  return places.map((all) => ({ table, places: all as [number, number, number, number] }));
});

describe('the columnar form', () => {
  test('gives any rows of every table back, in however many blocks it was written', async () => {
    await fc.assert(
      fc.asyncProperty(tablesAndRanges, fc.boolean(), async ({ table, places }, isWhole) => {
        const [first, second, third, fourth] = places;
        const cuts = [0, ...new Set([second, third]), table.rows];
        const blocks = cuts.slice(1).map((end, i) => sliceTable(table, cuts[i]!, end));
        const stored = new Stored(...blocks.filter(({ rows }) => rows > 0 || table.rows === 0));
        const range = isWhole ? { begin: 0, end: table.rows } : { begin: first, end: fourth };

        const decoded = await stored.read(range);

        expect(decoded).toEqual(sliceTable(table, range.begin, range.end));
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  test('lays the columns of a block out behind each other at fixed offsets, little-endian', () => {
    const { manifest, objects } = new Stored({
      rows: 2,
      columns: [
        { name: 'flag', type: 'boolean', values: Uint8Array.of(1, 0) },
        { name: 'n', type: 'number', values: Float64Array.of(1, -2.5) },
      ],
    });
    const bytes = objects.get('block-0')!;

    expect(manifest.blocks).toEqual([{ name: 'block-0', rows: 2, chunk_bytes: [2, 16] }]);
    expect(manifest.columns[1]).toMatchObject({ bytes_per_row: 8, dtype: 'float64' });
    expect(new DataView(bytes.buffer, bytes.byteOffset).getFloat64(2 + 8, true)).toBe(-2.5);
  });

  test('reads only the columns, and of the blocks only the rows, that are asked for', async () => {
    const block = (a: number, b: string): Table => ({
      rows: 2,
      columns: [
        { name: 'b', type: 'text', values: [b, null] },
        { name: 'a', type: 'number', values: Float64Array.of(a, a + 1) },
      ],
    });
    const stored = new Stored(block(1, 'x'), block(3, 'yz'), block(5, 'u'));

    const table = await stored.read({ columns: ['a'], begin: 3, end: 5 });

    expect(table).toEqual({ rows: 2, columns: [{ name: 'a', type: 'number', values: Float64Array.of(4, 5) }] });
    // A block of texts: three places, the texts, two marks; behind them the numbers.
    expect(stored.asked).toEqual(['block-1 24 32', 'block-2 15 23']);
  });

  test('still reads tables whose columns are objects of their own', async () => {
    const manifest: TableManifest = {
      format: 'tenon.columnar',
      version: 1,
      rows: 3,
      columns: [
        { name: 'n', type: 'integer', dtype: 'float64', bytes_per_row: 8, chunks: ['column-0'] },
        {
          name: 't',
          type: 'text',
          dtype: 'uint32',
          bytes_per_row: 0,
          chunks: ['column-1-offsets', 'column-1-utf8', 'column-1-missing'],
        },
      ],
    };
    const chunks: Record<string, Uint8Array> = {
      'column-0': new Uint8Array(Float64Array.of(1, 2, 3).buffer),
      'column-1-offsets': new Uint8Array(Uint32Array.of(0, 2, 2, 3).buffer),
      'column-1-utf8': Buffer.from('abc'),
      'column-1-missing': Uint8Array.of(0, 1, 0),
    };

    const table = await decodeRows(manifest, async (chunk, begin, end) => chunks[chunk]!.subarray(begin, end), {
      begin: 1,
      end: 3,
    });

    expect(table.columns.map(({ values }) => Array.from<unknown>(values))).toEqual([
      [2, 3],
      [null, 'c'],
    ]);
  });

  test('refuses a chunk of another size', async () => {
    const { manifest } = new Stored({
      rows: 2,
      columns: [{ name: 'n', type: 'number', values: Float64Array.of(1, 2) }],
    });

    await expect(decodeRows(manifest, async () => new Uint8Array(15), { begin: 0, end: 2 })).rejects.toThrow(
      /column "n": expected a chunk of 16 bytes, got 15/,
    );
  });
});
