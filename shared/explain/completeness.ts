/** Whether attributions add up to what they explain, and within what they should. */
import type { Attributions, Completeness } from './terms.ts';

/** Rounding of sums over float32 outputs, of the size of the figures. */
const ROUNDING = 1e-5;

/** Sums are compared within `tolerance`; by default within rounding. What is not finite does not add up. */
export function completenessOf(
  attributions: Attributions,
  { output, baseValue, tolerance }: { output: number; baseValue: number; tolerance?: number },
): Completeness {
  let sum = 0;
  for (const values of Object.values(attributions)) for (const value of values) sum += value;
  const expected = output - baseValue;
  const residual = Math.abs(sum - expected);
  const allowed = tolerance ?? ROUNDING * Math.max(1, Math.abs(output), Math.abs(baseValue));
  return { sum, expected, residual, tolerance: allowed, passed: Number.isFinite(residual) && residual <= allowed };
}
