/** Several starts, one after the other, each from its first centres to where they stop moving; the best is kept. */
import type { Engine } from '../../onnx/engine.ts';
import { Random } from '../../tensor/random.ts';
import type { RandomState } from '../../tensor/random.ts';
import { tensor } from '../../tensor/tensor.ts';
import type { FitState, Problem, Progress } from '../contract.ts';
import { Lloyd } from './lloyd.ts';
import type { KmeansParams } from './params.ts';
import { Points } from './points.ts';
import { Seeder, randomCenters } from './seeding.ts';
import type { Seeds } from './seeding.ts';

/** Multiplications between two yields, some tens of milliseconds. */
const WORK_PER_YIELD = 2e8;

type Position = {
  readonly start: number;
  /** Iterations of this start; undefined JSON is not possible, so that -1 is "still choosing centres". */
  readonly iteration: number;
  readonly best: number | null;
  readonly random: RandomState;
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
  readonly random: Random;
}

export async function* fitKmeans(
  { params, train }: Problem<KmeansParams>,
  state: FitState,
  engine: Engine,
): AsyncGenerator<Progress, void, undefined> {
  const points = new Points(train.x);
  const run = restore(state);
  const { n_init: starts, n_clusters: clusters, init } = params;
  const lloyd = await Lloyd.open(engine, points, clusters);
  const seeder = await Seeder.open(engine, points, clusters);
  const pass = points.rows * (points.width + 1) * clusters;
  let work = 0;
  try {
    while (run.start < starts) {
      if (run.iteration < 0) {
        await chooseCenters(run, { points, seeder, init, clusters });
        work += pass / clusters;
      } else {
        const isDone = await iterate(run, { points, lloyd, params });
        work += pass;
        if (isDone && run.start < starts) {
          work = 0;
          save(state, run, points);
          yield { fraction: run.start / starts, epoch: run.start, epochs: starts, metrics: { inertia: run.best! } };
        }
      }
      if (work < WORK_PER_YIELD || run.start >= starts) continue;
      work = 0;
      save(state, run, points);
      const within = run.iteration < 0 ? 0 : (run.iteration + 1) / (run.iteration + 11);
      yield { fraction: (run.start + within) / starts, epoch: run.start, epochs: starts };
    }
    save(state, run, points);
  } finally {
    await lloyd.release();
    await seeder.release();
  }
  yield { fraction: 1, epoch: starts, epochs: starts };
}

async function chooseCenters(
  run: Run,
  { points, seeder, init, clusters }: { points: Points; seeder: Seeder; init: KmeansParams['init']; clusters: number },
): Promise<void> {
  if (init === 'random') run.centers = randomCenters(points, clusters, run.random);
  else {
    run.seeds = await seeder.next(run.seeds, run.random);
    if (run.seeds.centers.length < clusters * points.width) return;
    run.centers = run.seeds.centers;
    run.seeds = undefined;
  }
  run.iteration = 0;
}

/** One iteration of the current start; true at its end. */
async function iterate(
  run: Run,
  { points, lloyd, params }: { points: Points; lloyd: Lloyd; params: KmeansParams },
): Promise<boolean> {
  const assignment = await lloyd.assign(run.centers);
  const centers = await lloyd.centersOf(assignment, run.centers);
  const shift = centers.reduce((sum, value, at) => sum + (value - run.centers[at]!) ** 2, 0);
  run.centers = centers;
  run.iteration++;
  if (shift > params.tol * points.variance && run.iteration < params.max_iter) return false;
  const inertia = shift === 0 ? assignment.inertia : (await lloyd.assign(centers)).inertia;
  if (run.best === null || inertia < run.best) {
    run.best = inertia;
    run.bestCenters = centers;
  }
  run.start++;
  run.iteration = -1;
  return true;
}

export function startKmeans({ params, seed, train }: Problem<KmeansParams>): FitState {
  const points = new Points(train.x);
  const first = Array.from({ length: params.n_clusters }, (_, k) =>
    points.center(Math.floor((k * points.rows) / params.n_clusters)),
  );
  const state: FitState = { position: {}, tensors: {} };
  const centers = Float64Array.from(first.flatMap((center) => [...center]));
  const random = Random.fromSeed(seed);
  save(state, { start: 0, iteration: -1, best: null, bestCenters: centers, centers, seeds: undefined, random }, points);
  return state;
}

function save(state: FitState, run: Run, { mean, width }: Points): void {
  const matrix = (data: Float64Array) => tensor('float64', [data.length / width, width], data.slice());
  const { start, iteration, best } = run;
  state.position = { start, iteration, best, random: run.random.state } satisfies Position;
  state.tensors = {
    mean: tensor('float64', [width], mean),
    centers: matrix(run.centers),
    best_centers: matrix(run.bestCenters),
    ...(run.seeds === undefined
      ? {}
      : {
          'seeds/centers': matrix(run.seeds.centers),
          'seeds/closest': tensor('float32', [run.seeds.closest.length], run.seeds.closest.slice()),
        }),
  };
}

function restore({ position, tensors }: FitState): Run {
  const { start, iteration, best, random } = position as Position;
  const data = (name: string): Float64Array => (tensors[name]!.data as Float64Array).slice();
  const closest = tensors['seeds/closest'];
  return {
    start,
    iteration,
    best,
    bestCenters: data('best_centers'),
    centers: data('centers'),
    seeds:
      closest === undefined
        ? undefined
        : { centers: data('seeds/centers'), closest: (closest.data as Float32Array).slice() },
    random: Random.fromState(random),
  };
}
