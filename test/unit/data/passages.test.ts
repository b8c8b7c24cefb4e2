import { describe, expect, test } from '@jest/globals';
import { passagesOf } from '../../../shared/data/passages.ts';
import type { Column, Table } from '../../../shared/data/table.ts';

const textTable = (...values: (string | null)[]): Table => ({
  rows: values.length,
  columns: [{ name: 'line', type: 'text', values }],
});
const passages = (table: Table, context: number, tokens: 'word' | 'character') =>
  (passagesOf(table, 'line', { context, tokens }).columns[0] as Column & { type: 'text' }).values;

describe('a text in passages', () => {
  test('is its documents with line breaks between them, each row beginning with the token that the last one ends in', () => {
    expect(passages(textTable('abc', null, 'd😀'), 3, 'character')).toEqual(['abc\n', '\n\nd😀']);
    expect(passages(textTable('abcde'), 3, 'character')).toEqual(['abcd', 'de']);
  });

  test('of words has single blanks', () => {
    expect(passages(textTable('To be,  or', 'not to be'), 2, 'word')).toEqual(['To be, or', 'or not to', 'to be']);
  });

  test('needs a token to begin with, and one to predict', () => {
    expect(passages(textTable('ab'), 64, 'character')).toEqual(['ab']);
    expect(() => passages(textTable(' one '), 64, 'word')).toThrow('a text of two tokens or more, "line" has 1');
  });

  test('is refused where it is more than memory holds', () => {
    expect(() => passages(textTable('x'.repeat(20_000_001)), 64, 'character')).toThrow(
      'at most 20000000 characters, "line" has 20000001',
    );
  });
});
