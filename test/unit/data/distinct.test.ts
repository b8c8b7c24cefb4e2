import { expect, test } from '@jest/globals';
import { DistinctCounter } from '../../../shared/data/distinct.ts';

test('counts numbers and texts exactly, however often and in whichever order they come', () => {
  const [numbers, texts] = [new DistinctCounter(), new DistinctCounter()];
  for (let i = 0; i < 60_000; i++) {
    numbers.addNumber(((i * 7919) % 20_000) / 8);
    texts.addText(`row ${(i * 31) % 15_000}`);
  }
  numbers.addNumber(-0);

  expect(numbers.count).toBe(20_000);
  expect(texts.count).toBe(15_000);
});

test('tells neighbours apart, in the last bit of a number and the last letter of a text', () => {
  const counter = new DistinctCounter();
  for (const value of [0, Number.MIN_VALUE, 1, 1 + Number.EPSILON, -1, 2 ** 53, 2 ** 53 - 1]) counter.addNumber(value);
  const texts = new DistinctCounter();
  for (const text of ['', 'a', 'b', 'aa', 'ab', 'ba', 'a\0', 'ä', 'ａ']) texts.addText(text);

  expect(counter.count).toBe(7);
  expect(texts.count).toBe(9);
});

test('estimates what is beyond its memory within a few standard errors', () => {
  // 1.2 / sqrt(4,096) is 1.9 %.
  for (const rows of [10_000, 50_000, 200_000]) {
    const counter = new DistinctCounter(4096);
    for (let i = 0; i < rows; i++) counter.addNumber(i / 3);
    for (let i = 0; i < rows; i += 5) counter.addNumber(i / 3);

    expect(Math.abs(counter.count / rows - 1)).toBeLessThan(0.08);
  }
});
