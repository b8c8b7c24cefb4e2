/** Files that come in pieces of every size and go out in blocks of every size: the same table, profile and errors as in one piece. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import type { ByteSource } from '../../../shared/data/byte-source.ts';
import { openCsv } from '../../../shared/data/csv.ts';
import { openIdx } from '../../../shared/data/idx.ts';
import { openJsonl } from '../../../shared/data/jsonl.ts';
import { profile, TableProfiler } from '../../../shared/data/profile.ts';
import { concatTables, sourceOfTable } from '../../../shared/data/table-source.ts';
import type { TableStream } from '../../../shared/data/table-stream.ts';
import type { Table } from '../../../shared/data/table.ts';

const PIECE_SIZES = [1, 2, 3, 5, 7, 64];
const BLOCK_SIZES = [1, 40, 200];

/** From the beginning each time, as storage gives it. */
const inPieces = (file: Uint8Array, size: number): ByteSource => ({
  async *[Symbol.asyncIterator]() {
    for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
  },
});

async function blocksOf(stream: TableStream, blockBytes?: number): Promise<Table[]> {
  const blocks: Table[] = [];
  for await (const block of stream.blocks(blockBytes)) blocks.push(block);
  return blocks;
}

const CSV = Buffer.from(
  '\uFEFFname,"the ""size""",price,day,remark\r\n' +
    '"Doe, Jane",1,2.5,2024-02-29,"said ""hi""\r\nand left"\r\n' +
    'Zoë,2,,2024-03-01T12:00:00Z,😀 ünïcödé\r\n' +
    '"",3,-0.5,,\r\n' +
    '"Zoë",4,1e3,2023-01-01,"a\nb"\r\n',
);

const JSONL = Buffer.from(
  '{"name":"Zoë 😀","size":1,"image":[[0,255],[7,8]]}\r\n' +
    '\n' +
    '{"name":"a\\nb","size":2.5,"image":[[1,2],[3,4]],"late":true}\n' +
    '{"size":null,"name":"Zoë 😀","image":[[0,255],[7,8]],"late":false}',
);

const RAGGED = Buffer.from('{"x":[1,2,3]}\n{"x":[4]}\n{"x":[5,6]}\n');

const IMAGES = Buffer.from([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6]);
const LABELS = Buffer.from([0, 0, 11, 1, 0, 0, 0, 3, 0, 7, 255, 248, 0, 7]);

type Open = (size: number) => Promise<TableStream>;
const FORMATS: [string, Open][] = [
  ['csv', (size) => openCsv(inPieces(CSV, size), { columns: { name: 'text', remark: 'text' } })],
  ['csv with categories', (size) => openCsv(inPieces(CSV, size))],
  ['jsonl', (size) => openJsonl(inPieces(JSONL, size))],
  ['jsonl of sequences', (size) => openJsonl(inPieces(RAGGED, size))],
  ['idx', (size) => openIdx({ images: inPieces(IMAGES, size), labels: inPieces(LABELS, size) })],
  [
    'gzipped idx',
    (size) => openIdx({ images: inPieces(gzipSync(IMAGES), size), labels: inPieces(gzipSync(LABELS), size) }),
  ],
];

test('the files hold what they are to test', async () => {
  const [csv] = await blocksOf(await openCsv(CSV, { columns: { name: 'text', remark: 'text' } }));
  const [jsonl] = await blocksOf(await openJsonl(JSONL));

  expect(csv!.columns.map(({ name, values }) => [name, Array.from<unknown>(values)])).toEqual([
    ['name', ['Doe, Jane', 'Zoë', null, 'Zoë']],
    ['the "size"', [1, 2, 3, 4]],
    ['price', [2.5, NaN, -0.5, 1000]],
    ['day', [1709164800, 1709294400, NaN, 1672531200]],
    ['remark', ['said "hi"\r\nand left', '😀 ünïcödé', null, 'a\nb']],
  ]);
  expect(jsonl!.columns.map(({ name, type }) => [name, type])).toEqual([
    ['name', 'category'],
    ['size', 'number'],
    ['image', 'tensor'],
    ['late', 'boolean'],
  ]);
  expect(jsonl!.columns[2]!.values).toEqual(Uint8Array.of(0, 255, 7, 8, 1, 2, 3, 4, 0, 255, 7, 8));
});

describe.each(FORMATS)('%s', (_, open) => {
  test('is the same table however it arrives, and however it is cut into blocks', async () => {
    const [whole] = await blocksOf(await open(1_000_000));

    for (const pieceBytes of PIECE_SIZES) {
      for (const blockBytes of BLOCK_SIZES) {
        const stream = await open(pieceBytes);
        const blocks = await blocksOf(stream, blockBytes);

        expect(concatTables(blocks)).toEqual(whole);
        // A block of a byte is a row.
        if (blockBytes === 1) expect(blocks.map(({ rows }) => rows)).toEqual(Array(whole!.rows).fill(1));
        expect(await blocksOf(stream, blockBytes)).toEqual(blocks);
      }
    }
  });

  test('has the profile of the whole table when it is seen block by block', async () => {
    const [whole] = await blocksOf(await open(1_000_000));
    const profiler = new TableProfiler();
    for (const block of await blocksOf(await open(3), 1)) profiler.add(block);

    expect(await profiler.finish(sourceOfTable(whole!))).toEqual(profile(whole!));
  });
});

describe('what is wrong', () => {
  const failureOf = (reading: Promise<TableStream>): Promise<unknown> =>
    reading.then(
      () => undefined,
      (error: unknown) => error,
    );

  test.each([
    ['row and column of a cell', 'size\r\n1\r\n"x""y"\r\n3\r\n4\r\n', { row: 2, column: 'size' }],
    ['the row with a field too many', 'a,b\r\n1,2\r\n"3\r\n",4,5\r\n', { row: 2 }],
    ['the line of an open quote', 'a,b\n1,2\n"3,4\n', { message: 'line 3: a quoted field is never closed' }],
    ['the line of a byte that is not UTF-8', 'a,b\né,2\n\xff,4\n', { message: 'not valid UTF-8 at line 2' }],
  ])('is told by %s, whatever the pieces', async (_, text, detail) => {
    // The last one as Latin-1, in which its first é is no UTF-8.
    const file = Buffer.from(text, text.includes('\xff') ? 'latin1' : 'utf8');

    for (const size of PIECE_SIZES)
      expect(await failureOf(openCsv(inPieces(file, size)))).toMatchObject({
        code: 'dataset_invalid',
        details: [expect.objectContaining(detail)],
      });
  });

  test('names a line that is too long to be a row, before memory is full of it', async () => {
    const endless: ByteSource = {
      async *[Symbol.asyncIterator]() {
        yield Buffer.from('{"a":1}\n{"a":"');
        for (;;) yield Buffer.alloc(65_536, 'x');
      },
    };

    expect(await failureOf(openJsonl(endless, { maxRowChars: 100_000 }))).toMatchObject({
      details: [{ message: 'line 2 has more than 100000 characters' }],
    });
  });

  test('refuses a quote that is never closed before memory is full of what follows', async () => {
    const endless: ByteSource = {
      async *[Symbol.asyncIterator]() {
        yield Buffer.from('a,b\n1,"');
        for (;;) yield Buffer.alloc(65_536, 'x,y\n');
      },
    };

    expect(await failureOf(openCsv(endless, { maxRowChars: 100_000 }))).toMatchObject({
      details: [{ message: expect.stringMatching(/a row of more than 100000 characters, or a quoted field/) }],
    });
  });

  test('an error of storage is not one of the data', async () => {
    const lost = new Error('the connection was lost');
    const torn = (file: Uint8Array): ByteSource => ({
      async *[Symbol.asyncIterator]() {
        yield file.subarray(0, 25);
        throw lost;
      },
    });
    const zipped = gzipSync(Buffer.concat([IMAGES, Buffer.from(CSV)]));

    expect(await failureOf(openCsv(torn(CSV)))).toBe(lost);
    expect(await failureOf(openJsonl(torn(JSONL)))).toBe(lost);
    expect(await failureOf(openIdx({ images: torn(zipped), labels: LABELS }))).toBe(lost);
  });
});
