/**
 * Several starts, one after the other, each from its first centres to where they stop moving; the best is kept. Of rows that memory does not hold a
 * sample is drawn first: the starts are of the sample, and one more, from the best of them, is of all rows.
 */
import type { Engine } from '../../onnx/engine.ts';
import { Random } from '../../tensor/random.ts';
import type { RandomState } from '../../tensor/random.ts';
import { tensor, zeros } from '../../tensor/tensor.ts';
import type { FitState, Problem, Progress } from '../contract.ts';
import { Lloyd } from './lloyd.ts';
import type { Assignment } from './lloyd.ts';
import { checkRows } from './params.ts';
import type { KmeansParams } from './params.ts';
import { Points, StoredPoints } from './points.ts';
import type { PointSet } from './points.ts';
import { drawSample, sampleSize, scaleOf } from './sample.ts';
import { Seeder, randomCenters } from './seeding.ts';
import type { Seeds } from './seeding.ts';

/** Multiplications between two yields, some tens of milliseconds. */
const WORK_PER_YIELD = 2e8;
/** Multiplications in the time that it takes to read a value. */
const READING_WORK = 50;
/** Of the whole, where memory does not hold the rows: drawing the sample, and the starts on it. */
const DRAWING_SHARE = 0.1;
const STARTS_SHARE = 0.1;
/** Of a start, choosing its first centres. */
const SEEDING_SHARE = 0.1;
/** Iterations in which half of the way is done. */
const USUAL_ITERATIONS = 10;

type Position = {
  readonly start: number;
  /** Iterations of this start; undefined JSON is not possible, so that -1 is "still choosing centres". */
  readonly iteration: number;
  readonly best: number | null;
  readonly random: RandomState;
  /** Rows that the pass on its way has seen, or the one that draws the sample. */
  readonly row: number;
  readonly inertia: number;
  readonly is_last_pass: boolean;
};

/** What a fit changes as it goes. */
interface Run {
  start: number;
  iteration: number;
  /** Inertia of the best start. */
  best: number | null;
  bestCenters: Float64Array;
  centers: Float64Array;
  seeds: Seeds | undefined;
  /** The pass on its way. */
  pass: Assignment | undefined;
  /** The centres rest: the pass is for their inertia. */
  isLastPass: boolean;
  readonly random: Random;
}

interface Fit {
  readonly problem: Problem<KmeansParams>;
  readonly run: Run;
  /** What the starts are of: all rows, or the sample. */
  readonly held: Points;
  readonly lloyd: Lloyd;
  readonly seeder: Seeder;
  /** Of all rows, where memory does not hold them. */
  readonly stored: Lloyd | undefined;
}

export async function* fitKmeans(
  problem: Problem<KmeansParams>,
  state: FitState,
  engine: Engine,
): AsyncGenerator<Progress, void, undefined> {
  const { n_init: starts } = problem.params;
  if (problem.train.blocks !== undefined && state.position['start'] === -1) {
    for await (const share of drawSample(problem, state)) yield { fraction: DRAWING_SHARE * share };
    state.position = { ...state.position, start: 0, row: 0 };
  }
  const fit = await openFit(problem, state, engine);
  try {
    yield* runStarts(fit, state);
    save(state, fit.run, fit.held.width);
  } finally {
    for (const part of [fit.lloyd, fit.seeder, fit.stored]) await part?.release();
  }
  yield {
    fraction: 1,
    ...(fit.stored === undefined ? { epoch: starts, epochs: starts } : { epoch: fit.run.iteration }),
  };
}

async function openFit(problem: Problem<KmeansParams>, state: FitState, engine: Engine): Promise<Fit> {
  const { train, params } = problem;
  const { n_clusters: clusters } = params;
  const mean = state.tensors['mean']!.data as Float64Array;
  const sample = state.tensors['sample'] as typeof train.x | undefined;
  const held = new Points(sample ?? train.x, mean);
  const run = restore(state);
  const lloyd = await Lloyd.open(engine, clusters, held);
  const seeder = await Seeder.open(engine, held, clusters);
  const rows = train.blocks?.starts.at(-1);
  const points = rows === undefined ? undefined : new StoredPoints(train, mean, scaleOf(state, rows));
  return { problem, run, held, lloyd, seeder, stored: points && (await Lloyd.open(engine, clusters, held, points)) };
}

async function* runStarts(fit: Fit, state: FitState): AsyncGenerator<Progress, void, undefined> {
  const { run, stored } = fit;
  const { n_init: starts } = fit.problem.params;
  let spent = 0;
  while (run.start < (stored === undefined ? starts : starts + 1)) {
    const { work, inertia } = run.iteration < 0 ? await chooseCenters(fit) : await proceed(fit);
    spent += work;
    if (spent < WORK_PER_YIELD && inertia === undefined) continue;
    spent = 0;
    save(state, run, fit.held.width);
    yield { ...progressOf(fit), ...(inertia !== undefined && { metrics: { inertia } }) };
  }
}

function progressOf({ problem, run, held, stored }: Fit): Progress {
  const { n_init: starts, n_clusters: clusters } = problem.params;
  if (stored === undefined)
    return { fraction: (run.start + withinStart(run, held, clusters)) / starts, epoch: run.start, epochs: starts };
  if (run.start < starts)
    return { fraction: DRAWING_SHARE + (STARTS_SHARE * (run.start + withinStart(run, held, clusters))) / starts };
  const before = DRAWING_SHARE + STARTS_SHARE;
  const within = run.start > starts ? 1 : withinStart(run, stored.points, clusters);
  return { fraction: Math.min(0.99, before + (1 - before) * within), epoch: run.iteration };
}

/** Of one start, in [0, 1). */
function withinStart({ iteration, pass, seeds }: Run, { rows, width }: PointSet, clusters: number): number {
  if (iteration < 0) return (SEEDING_SHARE * (seeds?.centers.length ?? 0)) / width / clusters;
  const done = iteration + (pass?.row ?? 0) / rows;
  return SEEDING_SHARE + (1 - SEEDING_SHARE) * (done / (done + USUAL_ITERATIONS));
}

interface Step {
  /** In multiplications. */
  readonly work: number;
  /** Where there is one to tell: of the best start, or of a pass over all rows. */
  readonly inertia?: number;
}

/** The first centres of a start, or one of them. */
async function chooseCenters({ problem: { params }, run, held, seeder }: Fit): Promise<Step> {
  const { init, n_clusters: clusters, n_init: starts } = params;
  const step = { work: held.rows * (held.width + 1) };
  if (run.start === starts) {
    run.centers = run.bestCenters;
    run.best = null;
  } else if (init === 'random') run.centers = randomCenters(held, clusters, run.random);
  else {
    run.seeds = await seeder.next(run.seeds, run.random);
    if (run.seeds.centers.length < clusters * held.width) return step;
    run.centers = run.seeds.centers;
    run.seeds = undefined;
  }
  run.iteration = 0;
  return step;
}

/** Some rows more of a pass. At its end the centres move; where they rest, the start ends. */
async function proceed({ problem: { params }, run, lloyd, stored }: Fit): Promise<Step> {
  const isStored = run.start === params.n_init;
  const passing = isStored ? stored! : lloyd;
  run.pass ??= passing.begin();
  const before = run.pass.row;
  const multiplied = await passing.add(run.pass, run.centers);
  const work = multiplied + (isStored ? READING_WORK * (run.pass.row - before) * passing.points.width : 0);
  if (run.pass.row < passing.points.rows) return { work };
  const { inertia } = run.pass;
  const isEnd = run.isLastPass || (await move(run, passing, params));
  run.pass = undefined;
  if (isEnd) {
    if (run.best === null || inertia < run.best) {
      run.best = inertia;
      run.bestCenters = run.centers;
    }
    run.isLastPass = false;
    run.start++;
    if (!isStored) run.iteration = -1;
  }
  if (isStored) return { work, inertia };
  return isEnd && stored === undefined ? { work, inertia: run.best! } : { work };
}

/** Moves the centres to the means of the pass's rows. @returns whether they rested already */
async function move(run: Run, lloyd: Lloyd, params: KmeansParams): Promise<boolean> {
  const centers = await lloyd.centersOf(run.pass!, run.centers);
  const shift = centers.reduce((sum, value, at) => sum + (value - run.centers[at]!) ** 2, 0);
  run.centers = centers;
  run.iteration++;
  run.isLastPass = shift <= params.tol * lloyd.points.variance || run.iteration >= params.max_iter;
  return shift === 0;
}

/** @throws invalid_request where there are fewer rows than clusters to choose first centres from */
export function startKmeans({ params, seed, train }: Problem<KmeansParams>): FitState {
  const { n_clusters: clusters } = params;
  checkRows(params, { rows: sampleSize(train, params), isSample: train.blocks !== undefined });
  // Of rows that memory does not hold these are a few, from all over the data.
  const points = new Points(train.x);
  const { width, mean } = points;
  const first = Array.from({ length: clusters }, (_, k) => points.center(Math.floor((k * points.rows) / clusters)));
  const centers = Float64Array.from(first.flatMap((center) => [...center]));
  const isStored = train.blocks !== undefined;
  const state: FitState = {
    position: {},
    tensors: {
      mean: tensor('float64', [width], mean),
      ...(isStored && { moments: zeros('float64', [width + 1]), sample: zeros('float64', [0, width]) }),
    },
  };
  const run: Run = {
    start: isStored ? -1 : 0,
    iteration: -1,
    best: null,
    bestCenters: centers,
    centers,
    seeds: undefined,
    pass: undefined,
    isLastPass: false,
    random: Random.fromSeed(seed),
  };
  save(state, run, width);
  return state;
}

function save(state: FitState, run: Run, width: number): void {
  const matrix = (data: Float64Array, columns = width) =>
    tensor('float64', [data.length / columns, columns], data.slice());
  const { start, iteration, best, seeds, pass, isLastPass } = run;
  const { mean, moments, sample } = state.tensors;
  state.position = {
    start,
    iteration,
    best,
    random: run.random.state,
    row: pass?.row ?? 0,
    inertia: pass?.inertia ?? 0,
    is_last_pass: isLastPass,
  } satisfies Position;
  state.tensors = {
    mean: mean!,
    ...(moments && { moments }),
    ...(sample && { sample }),
    centers: matrix(run.centers),
    best_centers: matrix(run.bestCenters),
    ...(seeds && {
      'seeds/centers': matrix(seeds.centers),
      'seeds/closest': tensor('float32', [seeds.closest.length], seeds.closest.slice()),
    }),
    ...(pass && { sums: matrix(pass.sums, width + 1) }),
  };
}

function restore({ position, tensors }: FitState): Run {
  const { start, iteration, best, random, row, inertia, is_last_pass: isLastPass } = position as Position;
  const data = (name: string): Float64Array => (tensors[name]!.data as Float64Array).slice();
  const closest = tensors['seeds/closest'];
  return {
    start,
    iteration,
    best,
    bestCenters: data('best_centers'),
    centers: data('centers'),
    seeds: closest && { centers: data('seeds/centers'), closest: (closest.data as Float32Array).slice() },
    pass: tensors['sums'] && { row, inertia, sums: data('sums') },
    isLastPass,
    random: Random.fromState(random),
  };
}
