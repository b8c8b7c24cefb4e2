/**
 * The classification extension: an output as its `count` highest values, each as "value:index[:label]".
 * Source: https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md
 */
import { tensor } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import { numbersOf } from './json-tensor.ts';
import { quote, tensorError } from './tensor-error.ts';

export interface Classified {
  readonly count: unknown;
  /** Labels by index, where the output is one value per class. */
  readonly labels: readonly string[] | undefined;
  readonly pointer: string;
}

/** BYTES of shape [batch, count], or [count] for an output without a batch. */
export function classify(
  value: HostTensor,
  name: string,
  { count, labels, pointer }: Classified,
): HostTensor<'string'> {
  if (value.dtype === 'string' || value.shape.length === 0 || value.shape.length > 2) {
    throw tensorError(pointer, `the output "${name}" is no row of numbers: it has no highest values`);
  }
  const width = value.shape.at(-1)!;
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1) {
    throw tensorError(pointer, `expected a number of classes of 1 or more, got ${quote(count)}`);
  }
  const kept = Math.min(count, width);
  const numbers = Array.from<number | bigint, number | bigint>(numbersOf(value), (number) => number);
  const rows = value.shape.length === 1 ? 1 : value.shape[0]!;
  const texts = Array.from({ length: rows }, (_, row) =>
    highest(numbers.slice(row * width, (row + 1) * width), kept).map(([number, index]) => {
      const text = value.dtype === 'float32' ? shortest(Number(number)) : String(number);
      return labels?.length === width ? `${text}:${index}:${labels[index]!}` : `${text}:${index}`;
    }),
  ).flat();
  return tensor('string', value.shape.length === 1 ? [kept] : [rows, kept], texts);
}

/** Of equal values the first comes first. */
function highest(row: readonly (number | bigint)[], count: number): [number | bigint, number][] {
  const order = row.map((value, index): [number | bigint, number] => [value, index]);
  return order.sort(([a, i], [b, j]) => (a === b ? i - j : a > b ? -1 : 1)).slice(0, count);
}

/** The shortest decimal that is this float32. */
function shortest(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const decimal = Number(value.toPrecision(digits));
    if (Math.fround(decimal) === value) return String(decimal);
  }
  return String(value);
}
