import { describe, expect, test } from '@jest/globals';
import { draw, generate } from '../../../shared/runtime/generation.ts';
import type { Language } from '../../../shared/runtime/generation.ts';
import { Random } from '../../../shared/tensor/random.ts';

const language: Language = { tokens: 'character', window: 3, vocabulary: ['', '\uFFFD', 'a', 'b', 'c'] };
/** Padding and unknown are the most probable, and never drawn. */
const PROBABILITIES = [0.5, 0.3, 0.02, 0.12, 0.06];

/** How often each of 6,000 draws gives which id. */
function sharesOf(parameters: object): number[] {
  const random = Random.fromSeed(3);
  const counts = [0, 0, 0, 0, 0];
  for (let i = 0; i < 6000; i++) counts[draw(PROBABILITIES, parameters, random)]!++;
  return counts.map((count) => count / 6000);
}

describe('a token is drawn', () => {
  test('by the probabilities of those that are tokens', () => {
    const [padding, unknown, a, b, c] = sharesOf({}) as [number, number, number, number, number];

    expect([padding, unknown]).toEqual([0, 0]);
    expect(a).toBeCloseTo(0.1, 1);
    expect(b).toBeCloseTo(0.6, 1);
    expect(c).toBeCloseTo(0.3, 1);
  });

  test('by their powers under a temperature: at 0.5 they are squared, at 0 only the greatest is left', () => {
    // 1, 36 and 9 of 46.
    expect(sharesOf({ temperature: 0.5 })[3]).toBeCloseTo(36 / 46, 1);
    expect(sharesOf({ temperature: 0 })).toEqual([0, 0, 0, 1, 0]);
    expect(sharesOf({ temperature: 10 })[2]).toBeGreaterThan(0.25);
  });

  test('from the k most probable alone', () => {
    expect(sharesOf({ top_k: 2 })[2]).toBe(0);
    expect(sharesOf({ top_k: 1, temperature: 5 })).toEqual([0, 0, 0, 1, 0]);
  });
});

describe('a text is written', () => {
  test('token by token, from the last tokens that fit the window', async () => {
    const asked: string[] = [];
    // What follows a is b, then c, then a.
    const next = (texts: readonly string[]) => {
      asked.push(...texts);
      const following = (text: string): number => 2 + (('abc'.indexOf(text.at(-1)!) + 1) % 3);
      return Promise.resolve(texts.map((text) => [0, 0, 0, 0, 0].with(following(text), 1)));
    };

    const predictions = await generate(next, language, ['ca', 'aaaaab'], { max_tokens: 4, temperature: 0 });

    expect(predictions).toEqual([{ text: 'bcab' }, { text: 'cabc' }]);
    expect(asked).toEqual(['ca', 'aab', 'cab', 'abc', 'abc', 'bca', 'bca', 'cab']);
  });

  test('within bounds: tokens of all prompts together', async () => {
    const never = () => Promise.reject(new Error('asked for a token'));
    const prompts = Array.from({ length: 101 }, () => 'a');

    await expect(generate(never, language, prompts)).rejects.toMatchObject({
      code: 'invalid_request',
      param: '/parameters/max_tokens',
      message: expect.stringContaining('101 prompts of 100 tokens are 10100 tokens'),
    });
  });
});
