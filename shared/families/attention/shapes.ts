/** Shapes of rows within an `attention` network: sequences [time, features], vectors [units], token ids [time] before an embedding. */
import type { RowShape } from '../network/layer.ts';

/** `[batch, time, features]` or `[batch, units]`. */
export function formatRow(shape: RowShape): string {
  return `[${['batch', ...shape].join(', ')}]`;
}

/** Why rows are no sequences; undefined where they are. */
export function requireSequences(input: RowShape): string | undefined {
  return input.length === 2 ? undefined : `expected sequences [batch, time, features], got ${formatRow(input)}`;
}
