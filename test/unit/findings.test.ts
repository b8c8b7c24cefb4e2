import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import { findingsOf } from '../../shared/findings.ts';

const messageOf = (schema: z.ZodType, input: unknown) => {
  const { error } = z.object({ it: schema }).safeParse({ it: input }, { reportInput: true });
  return findingsOf(error?.issues ?? []).map(({ pointer, message }) => `${pointer} ${message}`);
};

describe('what is wrong with a value', () => {
  test.each<[string, z.ZodType, unknown, string]>([
    ['a wrong type', z.number(), 'x', 'expected a number; got "x"'],
    ['nothing at all', z.string(), undefined, 'expected a string; it is missing'],
    ['a fraction', z.int(), 1.5, 'expected a whole number; got 1.5'],
    ['no number', z.number(), NaN, 'expected a number; got no number'],
    ['a number too small', z.number().positive(), 0, 'expected a number of more than 0; got 0'],
    ['a number too large', z.number().max(9), 10, 'expected a number of at most 9; got 10'],
    ['an empty string', z.string().min(1), '', 'expected a string of at least 1 character; got ""'],
    [
      'a long list',
      z.array(z.number()).max(2),
      [1, 2, 3],
      'expected an array of at most 2 elements; got an array of 3',
    ],
    ['a choice', z.enum(['a', 'b']), 'c', 'expected one of "a", "b"; got "c"'],
    ['a union', z.union([z.literal('auto'), z.boolean()]), 1, 'expected "auto", or true or false; got 1'],
    [
      'a message of the schema',
      z.literal('tanh', { error: 'expected tanh: no other' }),
      1,
      'expected tanh: no other; got 1',
    ],
  ])('%s', (_, schema, input, message) => {
    expect(messageOf(schema, input)).toEqual([`/it ${message}`]);
  });
});
