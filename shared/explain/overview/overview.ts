/**
 * What a model does over all its rows, for its card: which features it lives on, how its answer moves with them, which classes it takes for which and where
 * it is most wrong. Measured on the rows kept apart, where there are any, within a stated time; what did not fit into it is named.
 */
import { featureFeeds } from '../../data/feature-matrix.ts';
import type { Target } from '../../data/target.ts';
import type { ModelSchema } from '../../runtime/model-schema.ts';
import type { Preparation } from '../../runtime/preparation.ts';
import { pickTarget } from '../../runtime/training-rows.ts';
import { Random } from '../../tensor/random.ts';
import { tensor } from '../../tensor/tensor.ts';
import { mapFeeds, pickRows, rowCount, rowRange } from '../rows.ts';
import { Subject } from '../subject.ts';
import type { Feeds } from '../terms.ts';
import { permutationImportance } from './importance.ts';
import type { Importance } from './importance.ts';
import { answersOf, confusionOf, scoreOf, sharesOf } from './judge.ts';
import type { Confusion } from './judge.ts';

export const OVERVIEW_SECONDS = 10;

export interface Overview extends Partial<Confusion> {
  readonly rows: { readonly from: 'validation' | 'training'; readonly count: number };
  readonly budget_seconds: number;
  /** What importance and dependence are measured by. */
  readonly measure?: 'accuracy' | 'negative_rmse';
  readonly importance?: Importance[];
  readonly partial_dependence?: Dependence[];
  /** What the time did not allow. */
  readonly left_out: string[];
}

/** The mean answer of rows with this value: a number, or the shares of the classes. */
export interface Dependence {
  readonly feature: string;
  readonly values: (number | string)[];
  readonly outputs: number[][];
}

const MAX_ROWS = 400;
const NETWORK_ROWS = 100;
const DEPENDENCE_ROWS = 60;
const DEPENDENCE_FEATURES = 4;
const GRID = 10;

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
    return { ...head, ...(await viewsOf(sample)) };
  } finally {
    await subject.release();
  }
}

async function viewsOf(sample: Sample): Promise<Omit<Overview, 'rows' | 'budget_seconds'>> {
  const { subject, feeds, target, numbers, isOver } = sample;
  const { schema } = subject;
  const classes = target.kind === 'classes' ? await confusionOf(subject, feeds, { target, numbers }) : {};
  const { importance, left } = await importanceOf(sample);
  const leftOut = left.map((name) => `importance of ${name}`);
  const measure = target.kind === 'classes' ? 'accuracy' : 'negative_rmse';
  if (isNetworked(schema)) return { measure, importance, ...classes, left_out: leftOut };
  const dependence: Dependence[] = [];
  for (const { feature } of importance.slice(0, DEPENDENCE_FEATURES)) {
    if (isOver()) leftOut.push(`partial dependence on ${feature}`);
    else dependence.push(await dependenceOn(feature, sample));
  }
  return { measure, importance, partial_dependence: dependence, ...classes, left_out: leftOut };
}

/** Takes a tensor or a text, as networks do. */
const isNetworked = ({ features }: ModelSchema): boolean =>
  features.some(({ type }) => type === 'tensor' || type === 'text');

/** Of columns over all rows, of tensors and texts over some: patches are many, and a network costs more. */
function importanceOf({ subject, feeds, target, seed, isOver }: Sample): ReturnType<typeof permutationImportance> {
  const { schema } = subject;
  const rows = isNetworked(schema) ? Math.min(NETWORK_ROWS, rowCount(feeds)) : rowCount(feeds);
  const known = pickTarget(
    target,
    Int32Array.from({ length: rows }, (_, i) => i),
    rowCount(feeds),
  );
  const score = async (part: Feeds): Promise<number> => scoreOf(await answersOf(subject, part), known);
  return permutationImportance({ schema, feeds: rowRange(feeds, 0, rows), rows, seed, score, isOver });
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
