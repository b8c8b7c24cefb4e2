import { describe, expect, test } from '@jest/globals';
import { readCsv } from '../../../shared/data/csv.ts';
import type { CsvOptions } from '../../../shared/data/csv.ts';
import { ServiceError } from '../../../shared/errors.ts';
import type { Column } from '../../../shared/data/table.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string, options?: CsvOptions) => readCsv(bytes(text), options);

async function failure(reading: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await reading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ServiceError)) throw new Error(`expected a ServiceError, got ${String(error)}`);
  return error;
}

const typesOf = (columns: readonly Column[]) => Object.fromEntries(columns.map((column) => [column.name, column.type]));

describe('reading CSV', () => {
  test('infers every type of column and keeps missing values apart', async () => {
    const table = await read(
      'age,height,member,city,joined,note\n' +
        `31,1.5,true,Rome,2024-02-29,${'x'.repeat(65)}\n` +
        'NA,,FALSE,Paris,2024-03-01T12:00:00Z,b\n' +
        '40,NaN,null,Rome,,\n',
    );

    expect(typesOf(table.columns)).toEqual({
      age: 'integer',
      height: 'number',
      member: 'boolean',
      city: 'category',
      joined: 'datetime',
      note: 'text',
    });
    expect(table.rows).toBe(3);
    expect(table.columns.map((column) => Array.from<unknown>(column.values))).toEqual([
      [31, NaN, 40],
      [1.5, NaN, NaN],
      [1, 0, 255],
      [1, 0, 1],
      [1709164800, 1709294400, NaN],
      ['x'.repeat(65), 'b', null],
    ]);
  });

  test('takes quoted fields with delimiters, quotes and line breaks, CRLF and a byte order mark', async () => {
    const table = await read('\uFEFFname,remark\r\n"Doe, Jane","said ""hi""\nand left"\r\nRoe,\r\n');

    expect(table.columns.map((column) => column.name)).toEqual(['name', 'remark']);
    expect(table.columns[0]).toMatchObject({ type: 'category', categories: ['Doe, Jane', 'Roe'] });
    expect(table.columns[1]).toMatchObject({ categories: ['said "hi"\nand left'] });
  });

  test.each([[','], [';'], ['\t'], ['|']])('finds the delimiter %j by itself', async (delimiter) => {
    const table = await read(`a${delimiter}"b,;|"${delimiter}c\n1${delimiter}2${delimiter}3\n`);

    expect(table.columns.map((column) => column.name)).toEqual(['a', 'b,;|', 'c']);
  });

  test('names the columns of a file without header', async () => {
    const table = await read('1,x\n2,y\n', { header: false });

    expect(typesOf(table.columns)).toEqual({ column_1: 'integer', column_2: 'category' });
    expect(table.rows).toBe(2);
  });

  test('keeps numbers as the file writes them where the caller wants categories', async () => {
    const table = await read('zip,x\n01234,1\n1.50,2\n', { columns: { zip: 'category' } });

    expect(table.columns[0]).toMatchObject({ categories: ['01234', '1.50'] });
  });

  test('names row and column of a text in a number column', async () => {
    const rows = Array.from({ length: 40 }, (_, i) => `${i},${i === 16 ? 'abc' : i * 2}`);

    const error = await failure(read(`id,age\n${rows.join('\n')}\n`));

    expect(error.code).toBe('dataset_invalid');
    expect(error.message).toContain('row 17, column "age": expected a number, found "abc"');
    expect(error.details[0]).toMatchObject({ row: 17, column: 'age', message: 'expected a number, found "abc"' });
  });

  test('finds the one text in a small number column too, and takes a truly mixed column as categories', async () => {
    const error = await failure(read('age\n31\nabc\n40\n'));
    const mixed = await read('size\n38\nL\nXL\n40\nM\n');

    expect(error.details).toMatchObject([{ row: 2, column: 'age' }]);
    expect(mixed.columns[0]).toMatchObject({ type: 'category', categories: ['38', '40', 'L', 'M', 'XL'] });
  });

  test('reports at most 100 of the row errors but counts them all', async () => {
    const rows = Array.from({ length: 5000 }, (_, i) => (i % 25 === 0 ? 'bad' : String(i)));

    const error = await failure(read(`n\n${rows.join('\n')}\n`));

    expect(error.details).toHaveLength(100);
    expect(error.message).toContain('and 199 more');
    expect(error.details[1]).toMatchObject({ row: 26 });
  });

  test.each([
    ['an empty file', '', 'the file is empty'],
    ['a header alone', 'a,b\n', 'no rows'],
    ['ragged rows', 'a,b\n1,2\n3\n', 'row 2: expected 2 fields, found 1'],
    ['a duplicate name', 'a,a\n1,2\n', 'the name stands twice, at columns 1 and 2'],
    ['an empty name', 'a,,c\n1,2,3\n', 'column 2 has no name'],
    ['an open quote', 'a,b\n"1,2\n', 'a quoted field is never closed'],
  ])('refuses %s', async (_, text, message) => {
    const error = await failure(read(text));

    expect(error.code).toBe('dataset_invalid');
    expect(error.message).toContain(message);
  });

  test('refuses bytes that are not UTF-8 and names the line', async () => {
    const chunks = [bytes('a,b\n1,2\n'), Uint8Array.of(0x33, 0x2c, 0xff, 0x0a)];

    const error = await failure(
      readCsv({
        async *[Symbol.asyncIterator]() {
          yield* chunks;
        },
      }),
    );

    expect(error.message).toContain('not valid UTF-8 at line 3');
  });

  test.each([
    [
      'within a large file',
      Buffer.concat([bytes('a\n'.repeat(70_001)), Uint8Array.of(0xe9, 0x0a), bytes('b\n')]),
      70_002,
    ],
    ['in Latin-1', Buffer.from('name\nBern\nMünchen\nOslo\n', 'latin1'), 3],
    ['at its end', Buffer.concat([bytes('a\nb\n'), Uint8Array.of(0xc3)]), 3],
  ])('names the line of a byte that is not UTF-8 %s', async (_, file, line) => {
    const error = await failure(readCsv(file));

    expect(error.message).toContain(`not valid UTF-8 at line ${line}`);
  });

  test('reads characters that fall across chunks', async () => {
    const all = bytes('name\nMünchen\nKøbenhavn\n');
    const single = {
      async *[Symbol.asyncIterator]() {
        for (const byte of all) yield Uint8Array.of(byte);
      },
    };

    const table = await readCsv(single);

    expect(table.columns[0]).toMatchObject({ categories: ['København', 'München'] });
  });

  test('refuses a declared column that is not there', async () => {
    const error = await failure(read('a\n1\n', { columns: { b: 'number' } }));

    expect(error.message).toContain('column "b": declared in "columns" but not in the data, which has: a');
  });

  test('keeps an impossible day out of a declared datetime column', async () => {
    const error = await failure(read('day\n2025-01-01\n2025-02-30\n', { columns: { day: 'datetime' } }));

    expect(error.details).toMatchObject([{ row: 2, message: 'expected an ISO 8601 date, found "2025-02-30"' }]);
  });
});
