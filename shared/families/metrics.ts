/**
 * Measures of predictions: accuracy and log-loss of classes (hinge loss where there are scores and no probabilities); r2, rmse, mae and
 * mean squared error (`loss`) of numbers (all of a forecast's alike); inertia of clusters, `loss` being its mean over the rows.
 * A step counts as a row does. Definitions as in scikit-learn's user guide, section "Metrics and scoring" (r2 of a constant target is 1 if perfect, else 0).
 */
import type { Target } from '../data/target.ts';
import type { Metrics, RowOutputs } from './contract.ts';

/** Probabilities are not taken below this: one impossible row would make the mean infinite. */
const SMALLEST_PROBABILITY = 1e-15;

/** The measures of rows that may come in parts. */
export class Measure {
  readonly #classes = { right: 0, loss: 0, counted: 0 };
  readonly #numbers: NumberSums = { counted: 0, mean: 0, total: 0, squares: 0, absolute: 0 };
  readonly #clusters = { inertia: 0, rows: 0 };
  readonly #tokens = { loss: 0, right: 0, count: 0 };
  #kind: Target['kind'] | 'tokens' = 'none';

  add(outputs: RowOutputs, target: Target): this {
    this.#kind = target.kind === 'none' && outputs.token_loss !== undefined ? 'tokens' : target.kind;
    if (target.kind === 'classes') addClasses(this.#classes, outputs, target);
    else if (target.kind === 'numbers') addNumbers(this.#numbers, ...countedNumbers(outputs.prediction!, target));
    else if (this.#kind === 'tokens') addTokens(this.#tokens, outputs);
    else addClusters(this.#clusters, outputs.distance!);
    return this;
  }

  metrics(): Metrics {
    switch (this.#kind) {
      case 'classes': {
        const { right, loss, counted } = this.#classes;
        return { loss: loss / counted, accuracy: right / counted };
      }
      case 'numbers':
        return numberMetrics(this.#numbers);
      case 'tokens': {
        // Means over the tokens; perplexity is e to the mean loss.
        const tokens = Math.max(1, this.#tokens.count);
        const loss = this.#tokens.loss / tokens;
        return { loss, accuracy: this.#tokens.right / tokens, perplexity: Math.exp(loss) };
      }
      case 'none': {
        const { inertia, rows } = this.#clusters;
        return { loss: inertia / rows, inertia };
      }
    }
  }
}

export const measure = (outputs: RowOutputs, target: Target): Metrics => new Measure().add(outputs, target).metrics();

function addClasses(
  sums: { right: number; loss: number; counted: number },
  { label: chosen, probabilities, scores }: RowOutputs,
  { values, labels: { length: classes } }: Target & { kind: 'classes' },
): void {
  values.forEach((label, row) => {
    if (label < 0 || Number.isNaN(probabilities?.[row * classes])) return;
    sums.counted++;
    if (chosen![row] === label) sums.right++;
    sums.loss +=
      probabilities === undefined
        ? hinge(scores!.subarray(row * classes, (row + 1) * classes), label)
        : -Math.log(Math.max(probabilities[row * classes + label]!, SMALLEST_PROBABILITY));
  });
}

/** One minus the margin: with two classes the score of the own one, else its lead over the best other. */
function hinge(scores: Float64Array, label: number): number {
  const others = scores.filter((_, k) => k !== label);
  return Math.max(0, 1 - scores[label]! + (scores.length === 2 ? 0 : Math.max(...others)));
}

function addClusters(sums: { inertia: number; rows: number }, distances: Float64Array): void {
  for (const distance of distances) sums.inertia += distance * distance;
  sums.rows += distances.length;
}

function addTokens(
  sums: { loss: number; right: number; count: number },
  { token_loss: losses, token_right: right, token_count: counts }: RowOutputs,
): void {
  const add = (total: number, value: number): number => total + value;
  sums.loss = losses!.reduce(add, sums.loss);
  sums.right = right!.reduce(add, sums.right);
  sums.count = counts!.reduce(add, sums.count);
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

interface NumberSums {
  counted: number;
  /** Of the expected numbers, and the sum of their squared distances to it. */
  mean: number;
  total: number;
  squares: number;
  absolute: number;
}

/** Means and squares of two parts are put together as in Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm" (1979). */
function addNumbers(sums: NumberSums, predicted: Float64Array, expected: Float64Array): void {
  const n = expected.length;
  if (n === 0) return;
  const mean = expected.reduce((sum, value) => sum + value, 0) / n;
  let total = 0;
  for (let i = 0; i < n; i++) {
    const error = predicted[i]! - expected[i]!;
    sums.squares += error * error;
    sums.absolute += Math.abs(error);
    total += (expected[i]! - mean) ** 2;
  }
  const all = sums.counted + n;
  const difference = mean - sums.mean;
  sums.total = sums.counted === 0 ? total : sums.total + total + (difference ** 2 * sums.counted * n) / all;
  sums.mean = sums.counted === 0 ? mean : sums.mean + (difference * n) / all;
  sums.counted = all;
}

function numberMetrics({ counted: n, total, squares, absolute }: NumberSums): Metrics {
  const perfect = squares === 0 ? 1 : 0;
  return {
    loss: squares / n,
    r2: total === 0 ? perfect : 1 - squares / total,
    rmse: Math.sqrt(squares / n),
    mae: absolute / n,
  };
}
