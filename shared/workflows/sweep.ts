/**
 * Which trainings a sweep tries, from the job alone: the same trials every time, so that they need not be kept before they
 * begin. Successive halving as in K. Jamieson, A. Talwalkar, "Non-stochastic best arm identification", AISTATS 2016.
 */
import { ServiceError } from '../errors.ts';
import { pointerOf } from '../findings.ts';
import type { JobSpec } from '../resources/job.ts';
import { DEFAULT_TRIALS, MAX_TRIALS } from '../resources/sweep.ts';
import type { Sweep, SweepRange } from '../resources/sweep.ts';
import { Random } from '../tensor/random.ts';

export interface PlannedTrial {
  readonly id: string;
  /** Path -> value. */
  readonly params: Readonly<Record<string, unknown>>;
}

/** One round of a sweep: `keep` of the trials that are left take part, each until it has done `epoch` epochs (or to its end). */
export interface Rung {
  readonly keep: number;
  readonly epoch?: number;
}

/** What the orchestration needs to know of a sweep. */
export interface SweepPlan {
  readonly trials: readonly string[];
  readonly max_parallel: number;
  readonly rungs: readonly Rung[];
  readonly mode: 'min' | 'max';
}

type Swept = Pick<JobSpec, 'seed' | 'task' | 'validation'> & { readonly sweep: Sweep };

const METRICS: Readonly<Record<string, readonly [best: string, ...others: string[]]>> = {
  classification: ['accuracy', 'loss'],
  regression: ['rmse', 'loss', 'r2', 'mae'],
  forecasting: ['rmse', 'loss', 'r2', 'mae'],
  clustering: ['inertia', 'loss'],
  language_modelling: ['loss', 'perplexity'],
};

const MAX_REPEATS = 100;

/** The trials in their order. */
export function plannedTrials({ sweep, seed }: Pick<Swept, 'sweep' | 'seed'>): PlannedTrial[] {
  const random = Random.fromSeed(seed);
  const names = Object.keys(sweep.parameters);
  return valuesOf(sweep, random).map((values, i) => ({
    id: trialId(i),
    params: Object.fromEntries(names.map((name, k) => [name, values[k]])),
  }));
}

export function sweepPlan(spec: Swept, epochs: number | undefined): SweepPlan {
  const trials = plannedTrials(spec).map(({ id }) => id);
  return {
    trials,
    max_parallel: spec.sweep.max_parallel,
    rungs:
      spec.sweep.strategy === 'halving' && epochs !== undefined
        ? rungsOf(trials.length, epochs, spec.sweep.factor ?? 2)
        : [{ keep: trials.length }],
    mode: sweepMetric(spec).mode,
  };
}

/** The metric that decides. @throws {ServiceError} invalid_request where the task has no such metric */
export function sweepMetric({ sweep, task, validation }: Swept): {
  readonly part: 'train' | 'validation';
  readonly name: string;
  readonly mode: 'min' | 'max';
} {
  const known = METRICS[task] ?? ['loss'];
  const hasValidation = !('fraction' in validation) || validation.fraction > 0;
  const metric = sweep.metric ?? (hasValidation ? `validation_${known[0]}` : known[0]);
  const isValidation = metric.startsWith('validation_');
  const name = isValidation ? metric.slice('validation_'.length) : metric;
  const refuse = (message: string) => new ServiceError('invalid_request', message, { param: '/sweep/metric' });
  if (!known.includes(name)) {
    const names = known.flatMap((each) => [`validation_${each}`, each]).join(', ');
    throw refuse(`/sweep/metric: ${task} has no metric "${metric}": expected one of ${names}`);
  }
  if (isValidation && !hasValidation)
    throw refuse(`/sweep/metric: "${metric}" needs validation rows, and validation.fraction is 0`);
  return { part: isValidation ? 'validation' : 'train', name, mode: /accuracy|r2/.test(name) ? 'max' : 'min' };
}

/** The params of a trial: the job's with the varied ones in their places. @throws {ServiceError} naming the path that leads nowhere */
export function trialParams(
  params: Readonly<Record<string, unknown>>,
  varied: PlannedTrial['params'],
): Record<string, unknown> {
  return Object.entries(varied).reduce(
    (all, [path, value]) => place(all, path.split('.'), { path, value }) as Record<string, unknown>,
    { ...params },
  );
}

function place(target: unknown, [key, ...rest]: string[], swept: { path: string; value: unknown }): unknown {
  if (key === undefined) return swept.value;
  if (Array.isArray(target)) {
    const index = /^(0|[1-9]\d*)$/.test(key) ? Number(key) : target.length;
    if (index >= target.length)
      throw noPath(swept.path, `"${key}" is no index of a list of ${target.length}, counted from 0`);
    return target.with(index, place(target[index], rest, swept)) as unknown;
  }
  // A name alone is short for one without parameters: "adam" for {"adam": {}}.
  const parent: unknown = typeof target === 'string' ? { [target]: {} } : (target ?? {});
  if (typeof parent !== 'object' || parent === null) throw noPath(swept.path, `nothing lies below ${String(parent)}`);
  const below = Object.hasOwn(parent, key) ? (parent as Record<string, unknown>)[key] : undefined;
  return { ...parent, [key]: place(below, rest, swept) };
}

function noPath(path: string, why: string): ServiceError {
  const param = sweptPointer(path);
  return new ServiceError('invalid_request', `${param}: the path leads nowhere in params: ${why}`, { param });
}

/** Where the values of a path stand in the job. */
export function sweptPointer(path: string): string {
  return pointerOf(['sweep', 'parameters', path]);
}

function trialId(index: number): string {
  return `trial_${String(index + 1).padStart(4, '0')}`;
}

function valuesOf(sweep: Sweep, random: Random): unknown[][] {
  const axes = Object.values(sweep.parameters);
  const lists = axes.filter((axis) => Array.isArray(axis));
  if (lists.length < axes.length && sweep.strategy === 'grid') {
    const message = '/sweep/parameters: a grid needs lists of values; ranges are for random and halving';
    throw new ServiceError('invalid_request', message, { param: '/sweep/parameters' });
  }
  const size = lists.length < axes.length ? Infinity : lists.reduce((product, list) => product * list.length, 1);
  const wanted = sweep.max_trials ?? (sweep.strategy === 'grid' ? size : DEFAULT_TRIALS);
  if (wanted > MAX_TRIALS) {
    const message = `/sweep/parameters: the grid has ${size} combinations, and a sweep at most ${MAX_TRIALS} trials: set max_trials`;
    throw new ServiceError('invalid_request', message, { param: '/sweep/parameters' });
  }
  if (size <= wanted) return combinations(lists);
  return distinct(wanted, () => axes.map((axis) => (Array.isArray(axis) ? pick(axis, random) : draw(axis, random))));
}

/** Every combination, the last list turning fastest. */
function combinations(lists: readonly (readonly unknown[])[]): unknown[][] {
  return lists.reduce<unknown[][]>((all, list) => all.flatMap((one) => list.map((value) => [...one, value])), [[]]);
}

function distinct(count: number, next: () => unknown[]): unknown[][] {
  const found = new Map<string, unknown[]>();
  for (let tries = 0; found.size < count && tries < count * MAX_REPEATS; tries++) {
    const values = next();
    found.set(JSON.stringify(values), values);
  }
  return [...found.values()];
}

function pick(list: readonly unknown[], random: Random): unknown {
  return list[random.nextBelow(list.length)];
}

function draw({ min, max, scale, integer }: SweepRange, random: Random): number {
  const u = random.nextDouble();
  if (integer) return Math.ceil(min) + Math.floor(u * (Math.floor(max) - Math.ceil(min) + 1));
  return scale === 'log' ? Math.exp(Math.log(min) + u * (Math.log(max) - Math.log(min))) : min + u * (max - min);
}

/** All trials for a few epochs, then one in `factor` for `factor` times as many, until the last go to their end. */
function rungsOf(trials: number, epochs: number, factor: number): Rung[] {
  const counts = [trials];
  while (counts.at(-1)! > 1) counts.push(Math.ceil(counts.at(-1)! / factor));
  const rungs = counts.map((keep, i): Required<Rung> => {
    return { keep, epoch: Math.max(1, Math.round(epochs / factor ** (counts.length - 1 - i))) };
  });
  // Where there are fewer epochs than rounds, the first rounds would end at the same epoch: one of them is enough.
  return rungs
    .filter(({ epoch }, i) => i === 0 || epoch > rungs[i - 1]!.epoch)
    .map(({ keep, epoch }) => (epoch === epochs ? { keep } : { keep, epoch }));
}
