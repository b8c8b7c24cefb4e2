import { describe, expect, test } from '@jest/globals';
import { fitEncodings } from '../../../shared/data/encoding.ts';
import { encodeFeatures } from '../../../shared/data/feature-matrix.ts';
import type { Table } from '../../../shared/data/table.ts';
import { textSettings } from '../../../shared/data/text.ts';
import type { TextEncoding, TextOptions } from '../../../shared/data/text.ts';
import { emitTokenIds } from '../../../shared/data/text-graph.ts';
import { createEngine } from '../../../shared/runtime/session.ts';

const allOf = (table: Table): Int32Array => Int32Array.from({ length: table.rows }, (_, row) => row);

function fit(table: Table, options: TextOptions, rows = allOf(table)): TextEncoding {
  const preprocessing = { standardize: 'auto', missing: 'mean', categories: 'one_hot' } as const;
  const settings = { features: ['note'], preprocessing, standardize: false, text: textSettings(options) };
  return fitEncodings(table, rows, settings)[0] as TextEncoding;
}

async function idsOf(table: Table, encoding: TextEncoding): Promise<number[][]> {
  const features = await encodeFeatures(
    createEngine({ threads: 1 }),
    { table, rows: allOf(table), encodings: [encoding] },
    (g, _, inputs) => emitTokenIds(g, encoding, inputs.get('note')!),
  );
  const { length } = encoding;
  return allOf(table)
    .values()
    .map((row) => Array.from(features.data.subarray(row * length, (row + 1) * length)))
    .toArray();
}

const textTable = (...values: (string | null)[]): Table => ({
  rows: values.length,
  columns: [{ name: 'note', type: 'text', values }],
});

describe('words', () => {
  const table = textTable('The cat', 'the  Dog\nbarks at\tthe cat', null, 'Über alles', '');

  test('are what stands between blanks, in one case; id 0 pads, 1 is unknown', async () => {
    const encoding = fit(table, {}, Int32Array.of(0, 1, 2));

    // Sorted: at barks cat dog the, from id 2 on.
    expect(encoding).toMatchObject({ vocabulary: ['at', 'barks', 'cat', 'dog', 'the'], length: 6, required: false });
    expect(await idsOf(table, encoding)).toEqual([
      [6, 4, 0, 0, 0, 0],
      [6, 5, 3, 2, 6, 4],
      [0, 0, 0, 0, 0, 0],
      [1, 1, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0],
    ]);
  });

  test('beyond the vocabulary the rarest are unknown, beyond the length the last are cut', async () => {
    const encoding = fit(table, { max_tokens: 4, max_length: 3 });

    // Of the first three words "the" stands twice, the others once: of those the first by code unit.
    expect(encoding.vocabulary).toEqual(['alles', 'the']);
    expect(await idsOf(table, encoding)).toEqual([
      [3, 1, 0],
      [3, 1, 1],
      [0, 0, 0],
      [1, 2, 0],
      [0, 0, 0],
    ]);
  });

  test('are the same with a mark after them', async () => {
    const table = textTable('Good, bad! good', 'good... e.g. !', 'bad? good; x');
    const encoding = fit(table, { max_length: 3 });

    expect(encoding.vocabulary).toEqual(['!', 'bad', 'e.g', 'good', 'x']);
    expect(await idsOf(table, encoding)).toEqual([
      [5, 3, 5],
      // Of several marks the file knows one.
      [1, 4, 2],
      [3, 5, 6],
    ]);
  });

  test('keep their case where that is asked for', async () => {
    const encoding = fit(table, { lowercase: false, max_length: 1 });

    expect(encoding.vocabulary).toEqual(['The', 'the', 'Über']);
    expect(await idsOf(table, encoding)).toEqual([[2], [3], [0], [4], [0]]);
  });

  test('of a category column are those of its short texts', async () => {
    const categories: Table = {
      rows: 3,
      columns: [
        { name: 'note', type: 'category', categories: ['not good', 'very good'], values: Int32Array.of(1, 0, -1) },
      ],
    };

    expect(await idsOf(categories, fit(categories, {}))).toEqual([
      [4, 2],
      [3, 2],
      [0, 0],
    ]);
  });
});

describe('characters', () => {
  test('are code points, also beyond the basic plane', async () => {
    const table = textTable('ba', '😀b\n', null);
    const encoding = fit(table, { tokens: 'character' });

    expect(encoding.vocabulary).toEqual(['\n', 'a', 'b', '😀']);
    expect(await idsOf(table, encoding)).toEqual([
      [4, 3, 0],
      [5, 4, 2],
      [0, 0, 0],
    ]);
  });

  test('are one in both cases where that is asked for, and cut at the length', async () => {
    const table = textTable('Ää', 'äBba');
    const encoding = fit(table, { tokens: 'character', lowercase: true, max_length: 3 });

    expect(encoding.vocabulary).toEqual(['b', 'ä']);
    expect(await idsOf(table, encoding)).toEqual([
      [3, 3, 0],
      [3, 2, 2],
    ]);
  });
});
