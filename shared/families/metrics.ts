/**
 * Measures of predictions: accuracy and log-loss of classes; r2, rmse, mae and mean squared error (`loss`) of numbers.
 * Definitions as in scikit-learn's user guide, section "Metrics and scoring" (r2 of a constant target is 1 if perfect, else 0).
 */
import type { Target } from '../data/target.ts';
import type { Metrics } from './contract.ts';

/** Probabilities are not taken below this: one impossible row would make the mean infinite. */
const SMALLEST_PROBABILITY = 1e-15;

/** `outputs` is [rows, classes] or [rows], row-major. */
export function measure(outputs: Float64Array, target: Target): Metrics {
  return target.kind === 'classes'
    ? measureClasses(outputs, target.values, target.labels.length)
    : measureNumbers(outputs, target.values);
}

function measureClasses(probabilities: Float64Array, expected: Int32Array, classes: number): Metrics {
  let right = 0;
  let loss = 0;
  expected.forEach((label, row) => {
    let best = 0;
    for (let k = 1; k < classes; k++)
      if (probabilities[row * classes + k]! > probabilities[row * classes + best]!) best = k;
    if (best === label) right++;
    loss -= Math.log(Math.max(probabilities[row * classes + label]!, SMALLEST_PROBABILITY));
  });
  return { loss: loss / expected.length, accuracy: right / expected.length };
}

function measureNumbers(predicted: Float64Array, expected: Float64Array): Metrics {
  const n = expected.length;
  const mean = expected.reduce((sum, value) => sum + value, 0) / n;
  let squares = 0;
  let absolute = 0;
  let total = 0;
  for (let i = 0; i < n; i++) {
    const error = predicted[i]! - expected[i]!;
    squares += error * error;
    absolute += Math.abs(error);
    total += (expected[i]! - mean) ** 2;
  }
  const perfect = squares === 0 ? 1 : 0;
  return {
    loss: squares / n,
    r2: total === 0 ? perfect : 1 - squares / total,
    rmse: Math.sqrt(squares / n),
    mae: absolute / n,
  };
}
