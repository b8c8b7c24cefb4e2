/** Shapes of rows within a `cnn`: channels first ([C, H, W], [C, T] or [units]); messages show them as Keras does, channels last. */
import type { RowShape } from '../network/layer.ts';

/** `[batch, height, width, channels]` of a row's shape, for messages. */
export function formatRow(shape: RowShape): string {
  const [channels, ...spatial] = shape;
  return `[${['batch', ...spatial, channels].join(', ')}]`;
}

/** Of layers over sequences (1) and images (2). */
export type SpatialRank = 1 | 2;

const EXPECTED = {
  1: 'sequences [batch, steps, channels]',
  2: 'images [batch, height, width, channels]',
} as const;

export function requireRank(rank: SpatialRank, input: RowShape): string | undefined {
  return input.length === rank + 1 ? undefined : `expected ${EXPECTED[rank]}, got ${formatRow(input)}`;
}
