/**
 * What a model does over all its rows, for its card: which features it lives on, how its answer moves with them, which classes it takes for which and where
 * it is most wrong. Measured on the rows kept apart, where there are any, within a stated time; what did not fit into it is named.
 */
import { featureFeeds } from '../../data/feature-matrix.ts';
import type { Label, Target } from '../../data/target.ts';
import type { Preparation } from '../../runtime/preparation.ts';
import { Random } from '../../tensor/random.ts';
import { tensor } from '../../tensor/tensor.ts';
import { mapFeeds, pickRows, rowCount, rowRange } from '../rows.ts';
import { isOpen } from '../steps.ts';
import { predictedOf } from '../aim.ts';
import { Subject } from '../subject.ts';
import type { Feeds } from '../terms.ts';
import { permutationImportance } from './importance.ts';
import type { Importance } from './importance.ts';

export const OVERVIEW_SECONDS = 10;

export interface Overview {
  readonly rows: { readonly from: 'validation' | 'training'; readonly count: number };
  readonly budget_seconds: number;
  /** What importance and dependence are measured by. */
  readonly measure?: 'accuracy' | 'negative_rmse';
  readonly importance?: Importance[];
  readonly partial_dependence?: Dependence[];
  readonly confusion?: { readonly labels: Label[]; readonly counts: number[][] };
  /** Of each class the rows with the least probable right answer, by their number in the data from 1. */
  readonly worst_rows?: WorstRow[];
  /** What the time did not allow. */
  readonly left_out: string[];
}

/** The mean answer of rows with this value: a number, or the shares of the classes. */
export interface Dependence {
  readonly feature: string;
  readonly values: (number | string)[];
  readonly outputs: number[][];
}

export interface WorstRow {
  readonly row: number;
  readonly label: Label;
  readonly predicted: Label;
  /** Of the right label, where the model has probabilities. */
  readonly probability: number;
}

const MAX_ROWS = 400;
const PATCH_ROWS = 100;
const DEPENDENCE_ROWS = 60;
const DEPENDENCE_FEATURES = 4;
const GRID = 10;
const WORST_PER_CLASS = 3;

interface Sample {
  readonly subject: Subject;
  readonly feeds: Feeds;
  readonly target: Target;
  /** Of the data, from 1. */
  readonly numbers: readonly number[];
  readonly seed: number;
  readonly isOver: () => boolean;
}

/** @throws nothing that stops a publication but what the model itself throws */
export async function overviewOf(
  model: Uint8Array,
  prepared: Preparation,
  { engine, seconds = OVERVIEW_SECONDS }: { readonly engine: Subject['engine']; readonly seconds?: number },
): Promise<Overview> {
  const endMs = performance.now() + seconds * 1000;
  const { validation, train, seed } = prepared.problem;
  const from = validation === undefined ? 'training' : 'validation';
  const { table, rows, numbers: ofData = rows } = prepared.heldOut ?? prepared.trainRows;
  const picked = Random.fromSeed(seed).permutation(rows.length).subarray(0, MAX_ROWS).toSorted();
  const feeds = featureFeeds(
    table,
    prepared.encodings,
    Int32Array.from(picked, (i) => rows[i]!),
  );
  const subject = new Subject(model, engine);
  const target = pickTarget((validation ?? train).target, picked, rows.length);
  const numbers = Array.from(picked, (i) => ofData[i]! + 1);
  const sample = { subject, feeds, target, numbers, seed, isOver: () => performance.now() > endMs };
  try {
    const head = { rows: { from, count: picked.length }, budget_seconds: seconds } as const;
    if (target.kind === 'none') return { ...head, left_out: [] };
    const labels = (validation ?? train).target;
    // One label a row: those of sequences that have one for every step are another table.
    if (labels.kind === 'classes' && labels.values.length !== rows.length)
      return { ...head, left_out: ['confusion of the steps of sequences'] };
    return { ...head, ...(await viewsOf(sample)) };
  } finally {
    await subject.release();
  }
}

async function viewsOf(sample: Sample): Promise<Omit<Overview, 'rows' | 'budget_seconds'>> {
  const { subject, target, isOver } = sample;
  const classes = target.kind === 'classes' ? await confusionOf(sample) : {};
  const { schema } = subject;
  if (isOpen(schema) || schema.features.some(({ type }) => type === 'text'))
    return { ...classes, left_out: ['importance: texts, and sequences of any length, have no parts in common'] };
  const { importance, left } = await importanceOf(sample);
  const leftOut = left.map((name) => `importance of ${name}`);
  const measure = target.kind === 'classes' ? 'accuracy' : 'negative_rmse';
  if (schema.features.some(({ type }) => type === 'tensor'))
    return { measure, importance, ...classes, left_out: leftOut };
  const dependence: Dependence[] = [];
  for (const { feature } of importance.slice(0, DEPENDENCE_FEATURES)) {
    if (isOver()) leftOut.push(`partial dependence on ${feature}`);
    else dependence.push(await dependenceOn(feature, sample));
  }
  return { measure, importance, partial_dependence: dependence, ...classes, left_out: leftOut };
}

/** Of columns over all rows, of the patches of tensors over some: they are many, and a network costs more. */
function importanceOf({ subject, feeds, target, seed, isOver }: Sample): ReturnType<typeof permutationImportance> {
  const { schema } = subject;
  const isTensor = schema.features.some(({ type }) => type === 'tensor');
  const rows = isTensor ? Math.min(PATCH_ROWS, rowCount(feeds)) : rowCount(feeds);
  const known = pickTarget(
    target,
    Int32Array.from({ length: rows }, (_, i) => i),
    rowCount(feeds),
  );
  const score = async (part: Feeds): Promise<number> => scoreOf(await subject.run(part), known);
  return permutationImportance({ schema, feeds: rowRange(feeds, 0, rows), rows, seed, score, isOver });
}

async function confusionOf({
  subject,
  feeds,
  target,
  numbers,
}: Sample): Promise<Pick<Overview, 'confusion' | 'worst_rows'>> {
  const { labels, values } = target as Target & { kind: 'classes' };
  const counts = labels.map(() => labels.map(() => 0));
  const rows = (await subject.run(feeds)).map((figures, i) => {
    const [right, guess] = [values[i]!, predictedOf(figures)];
    counts[right]![guess]!++;
    return {
      row: numbers[i]!,
      label: labels[right]!,
      predicted: labels[guess]!,
      probability: sharesOf(figures, subject)[right]!,
      right,
    };
  });
  const worst = labels.flatMap((_, k) =>
    rows
      .filter(({ right }) => right === k)
      .sort((a, b) => a.probability - b.probability)
      .slice(0, WORST_PER_CLASS)
      .map(({ right: _right, ...row }) => row),
  );
  return { confusion: { labels: [...labels], counts }, worst_rows: worst };
}

/** Figures as shares of the classes: a softmax of logits and scores. */
function sharesOf(figures: Float64Array, { kind }: Subject): Float64Array {
  if (kind === 'probability') return figures;
  const largest = Math.max(...figures);
  const powers = figures.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

function scoreOf(figures: readonly Float64Array[], target: Target): number {
  if (target.kind === 'classes') {
    const right = figures.filter((row, i) => row.indexOf(Math.max(...row)) === target.values[i]);
    return right.length / figures.length;
  }
  let squares = 0;
  figures.forEach((row, i) =>
    row.forEach((value, k) => (squares += (value - target.values[i * row.length + k]!) ** 2)),
  );
  return -Math.sqrt(squares / Math.max(1, target.values.length));
}

/** The mean answer as one feature takes each value of a grid and the others stay as they are. */
async function dependenceOn(feature: string, { subject, feeds }: Sample): Promise<Dependence> {
  const few = pickRows(
    feeds,
    Int32Array.from({ length: Math.min(DEPENDENCE_ROWS, rowCount(feeds)) }, (_, i) => i),
  );
  const values = gridOf(subject, feature, feeds);
  const outputs: number[][] = [];
  for (const value of values) {
    const changed = mapFeeds(few, (column, name) => {
      if (name !== feature) return column;
      return typeof value === 'string'
        ? tensor('string', column.shape, Array<string>(column.data.length).fill(value))
        : tensor('float64', column.shape, new Float64Array(column.data.length).fill(value));
    });
    const figures = (await subject.run(changed)).map((row) =>
      subject.schema.classes === undefined ? row : sharesOf(row, subject),
    );
    outputs.push(Array.from(figures[0]!, (_, k) => figures.reduce((sum, row) => sum + row[k]!, 0) / figures.length));
  }
  return { feature, values, outputs };
}

/** Ten quantiles of a number, the first ten categories. */
function gridOf({ schema }: Subject, feature: string, feeds: Feeds): (number | string)[] {
  const categories = schema.features.find(({ name }) => name === feature)?.categories;
  if (categories !== undefined) return categories.slice(0, GRID);
  const sorted = (feeds[feature]!.data as Float64Array).filter((value) => !Number.isNaN(value)).toSorted();
  const quantiles = Array.from({ length: GRID }, (_, k) => sorted[Math.round((k * (sorted.length - 1)) / (GRID - 1))]!);
  return [...new Set(quantiles)];
}

function pickTarget(target: Target, rows: Int32Array, total: number): Target {
  if (target.kind === 'none') return target;
  if (target.kind === 'classes') return { ...target, values: Int32Array.from(rows, (row) => target.values[row]!) };
  const width = target.values.length / total;
  return {
    kind: 'numbers',
    values: Float64Array.from(
      { length: rows.length * width },
      (_, at) => target.values[rows[Math.floor(at / width)]! * width + (at % width)]!,
    ),
  };
}
