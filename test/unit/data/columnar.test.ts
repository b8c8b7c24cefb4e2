import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeTable, encodeTable } from '../../../shared/data/columnar.ts';
import type { TableManifest } from '../../../shared/data/columnar.ts';
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

describe('the columnar form', () => {
  test('gives every table back through JSON and unaligned bytes', async () => {
    await fc.assert(
      fc.asyncProperty(tables, async (table) => {
        const { manifest, chunks } = encodeTable(table);
        const stored = JSON.parse(JSON.stringify(manifest)) as TableManifest;
        const unaligned = (name: string): Uint8Array => {
          const bytes = chunks.get(name)!;
          const shifted = new Uint8Array(bytes.length + 1);
          shifted.set(bytes, 1);
          return shifted.subarray(1);
        };

        const decoded = await decodeTable(stored, unaligned);

        expect(decoded).toEqual(table);
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  test('lays rows out at fixed offsets, little-endian', () => {
    const { manifest, chunks } = encodeTable({
      rows: 2,
      columns: [{ name: 'n', type: 'number', values: Float64Array.of(1, -2.5) }],
    });
    const bytes = chunks.get(manifest.columns[0]!.chunks[0]!)!;

    expect(manifest.columns[0]).toMatchObject({ bytes_per_row: 8, dtype: 'float64' });
    expect(new DataView(bytes.buffer, bytes.byteOffset).getFloat64(8, true)).toBe(-2.5);
  });

  test('reads only the columns that are asked for', async () => {
    const { manifest, chunks } = encodeTable({
      rows: 1,
      columns: [
        { name: 'a', type: 'number', values: Float64Array.of(1) },
        { name: 'b', type: 'text', values: ['x'] },
      ],
    });
    const asked: string[] = [];

    const table = await decodeTable(
      manifest,
      (name) => {
        asked.push(name);
        return chunks.get(name)!;
      },
      { columns: ['a'] },
    );

    expect(table.columns.map((one) => one.name)).toEqual(['a']);
    expect(asked).toEqual(['column-0']);
  });

  test('refuses a chunk of another size', async () => {
    const { manifest } = encodeTable({
      rows: 2,
      columns: [{ name: 'n', type: 'number', values: Float64Array.of(1, 2) }],
    });

    await expect(decodeTable(manifest, () => new Uint8Array(15))).rejects.toThrow(
      /column "n": expected a chunk of 16 bytes, got 15/,
    );
  });
});
