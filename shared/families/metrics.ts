/**
 * Measures of predictions: accuracy and log-loss of classes (hinge loss where there are scores and no probabilities); r2, rmse, mae and
 * mean squared error (`loss`) of numbers (all of a forecast's alike); inertia of clusters, `loss` being its mean over the rows.
 * A step counts as a row does. Definitions as in scikit-learn's user guide, section "Metrics and scoring" (r2 of a constant target is 1 if perfect, else 0).
 */
import type { Target } from '../data/target.ts';
import type { Metrics, RowOutputs } from './contract.ts';

/** Probabilities are not taken below this: one impossible row would make the mean infinite. */
const SMALLEST_PROBABILITY = 1e-15;

export function measure(outputs: RowOutputs, target: Target): Metrics {
  switch (target.kind) {
    case 'classes':
      return measureClasses(outputs, target.values, target.labels.length);
    case 'numbers':
      return measureNumbers(...countedNumbers(outputs.prediction!, target));
    case 'none':
      return outputs.token_loss === undefined ? measureClusters(outputs.distance!) : measureTokens(outputs);
  }
}

function measureClasses(
  { label: chosen, probabilities, scores }: RowOutputs,
  expected: Int32Array,
  classes: number,
): Metrics {
  let right = 0;
  let loss = 0;
  let counted = 0;
  expected.forEach((label, row) => {
    if (label < 0 || Number.isNaN(probabilities?.[row * classes])) return;
    counted++;
    if (chosen![row] === label) right++;
    loss +=
      probabilities === undefined
        ? hinge(scores!.subarray(row * classes, (row + 1) * classes), label)
        : -Math.log(Math.max(probabilities[row * classes + label]!, SMALLEST_PROBABILITY));
  });
  return { loss: loss / counted, accuracy: right / counted };
}

/** One minus the margin: with two classes the score of the own one, else its lead over the best other. */
function hinge(scores: Float64Array, label: number): number {
  const others = scores.filter((_, k) => k !== label);
  return Math.max(0, 1 - scores[label]! + (scores.length === 2 ? 0 : Math.max(...others)));
}

function measureClusters(distances: Float64Array): Metrics {
  const inertia = distances.reduce((sum, distance) => sum + distance * distance, 0);
  return { loss: inertia / distances.length, inertia };
}

/** Means over the tokens; perplexity is e to the mean loss. */
function measureTokens({ token_loss: losses, token_right: right, token_count: counts }: RowOutputs): Metrics {
  const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
  const tokens = Math.max(1, sum(counts!));
  const loss = sum(losses!) / tokens;
  return { loss, accuracy: sum(right!) / tokens, perplexity: Math.exp(loss) };
}

/** Steps that are masked, or lie after the end of a row, count nowhere. */
function countedNumbers(
  predicted: Float64Array,
  { values, steps }: Target & { kind: 'numbers' },
): [Float64Array, Float64Array] {
  if (steps === undefined) return [predicted, values];
  const counts = (_: number, i: number): boolean => !Number.isNaN(values[i]) && !Number.isNaN(predicted[i]);
  return [predicted.filter(counts), values.filter(counts)];
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
