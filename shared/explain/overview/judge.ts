/** A model's answers beside the labels: a measure of them, which classes are taken for which, and where the right answer is least probable. */
import type { Label, Target } from '../../data/target.ts';
import { predictedOf } from '../aim.ts';
import type { Subject } from '../subject.ts';
import type { Feeds } from '../terms.ts';

export interface WorstRow {
  /** Of the data, from 1. */
  readonly row: number;
  /** Of a model with a label for every step, from 1. */
  readonly step?: number;
  readonly label: Label;
  readonly predicted: Label;
  /** Of the right label: a softmax where the model has scores. */
  readonly probability: number;
}

export interface Confusion {
  readonly confusion: { readonly labels: Label[]; readonly counts: number[][] };
  /** Of each class the rows with the least probable right answer, of a row its worst step. */
  readonly worst_rows: WorstRow[];
}

type Classes = Target & { readonly kind: 'classes' };

const WORST_PER_CLASS = 3;

/** The figures of rows; of a prediction for every step those that the model shows, which are NaN where a step is masked. */
export function answersOf(subject: Subject, feeds: Feeds): Promise<Float64Array[]> {
  const { steps, outputs } = subject.schema;
  return steps === undefined
    ? subject.run(feeds)
    : subject.values(feeds, (outputs.probabilities ?? outputs.prediction)!);
}

/** Figures as shares of the classes: a softmax of logits and scores. */
export function sharesOf(figures: Float64Array, { kind, schema }: Subject): Float64Array {
  if (kind === 'probability' || schema.steps !== undefined) return figures;
  const largest = Math.max(...figures);
  const powers = figures.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

/** The share of labels that are right, or the root of the mean square error with its sign turned: higher is better. */
export function scoreOf(answers: readonly Float64Array[], target: Target): number {
  if (target.kind === 'classes') {
    const right = Array.from(casesOf(answers, target), ({ label, figures }) => Number(predictedOf(figures) === label));
    return right.reduce((sum, own) => sum + own, 0) / Math.max(1, right.length);
  }
  const errors = answers
    .flatMap((row, i) => Array.from(row, (value, k) => value - target.values[i * row.length + k]!))
    .filter((error) => !Number.isNaN(error));
  return -Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / Math.max(1, errors.length));
}

/** @param numbers of the rows, in the data from 1 */
export async function confusionOf(
  subject: Subject,
  feeds: Feeds,
  { target, numbers }: { readonly target: Classes; readonly numbers: readonly number[] },
): Promise<Confusion> {
  const { labels } = target;
  const counts = labels.map(() => labels.map(() => 0));
  const worst = labels.map(() => new Map<number, WorstRow>());
  for (const { at, step, label, figures } of casesOf(await answersOf(subject, feeds), target)) {
    const guess = predictedOf(figures);
    counts[label]![guess]!++;
    const row = numbers[at]!;
    const probability = sharesOf(figures, subject)[label]!;
    if (probability >= (worst[label]!.get(row)?.probability ?? Infinity)) continue;
    const ofStep = step === undefined ? {} : { step };
    worst[label]!.set(row, { row, ...ofStep, label: labels[label]!, predicted: labels[guess]!, probability });
  }
  const first = (rows: Map<number, WorstRow>): WorstRow[] =>
    [...rows.values()].sort((a, b) => a.probability - b.probability).slice(0, WORST_PER_CLASS);
  return { confusion: { labels: [...labels], counts }, worst_rows: worst.flatMap(first) };
}

/** One label and the figures for it. */
interface Case {
  /** The row's place among the answers. */
  readonly at: number;
  readonly step?: number;
  /** The right class. */
  readonly label: number;
  readonly figures: Float64Array;
}

/** Of every row, or of every step but those that are masked or lie after its end. */
function* casesOf(answers: readonly Float64Array[], { values, steps }: Classes): Generator<Case> {
  const perRow = values.length / answers.length;
  for (const [at, row] of answers.entries()) {
    const width = row.length / perRow;
    for (let t = 0; t < perRow; t++) {
      const label = values[at * perRow + t]!;
      const figures = row.subarray(t * width, (t + 1) * width);
      if (label < 0 || Number.isNaN(figures[0])) continue;
      yield { at, label, figures, ...(steps === undefined ? {} : { step: t + 1 }) };
    }
  }
}
