/** What is checked of a job before anything is reserved for it: its data, its parameters, and every trial of its sweep. */
import { ServiceError } from '../../errors.ts';
import { pointerOf } from '../../findings.ts';
import { validateTraining } from '../../families/validate.ts';
import type { JobSpec } from '../../resources/job.ts';
import type { Sweep } from '../../resources/sweep.ts';
import type { Catalog } from '../../stores/catalog.ts';
import { readyDataset } from '../ready.ts';
import { plannedTrials, sweepMetric, sweepPlan, sweptPointer, trialParams } from '../../workflows/sweep.ts';
import type { PlannedTrial, SweepPlan } from '../../workflows/sweep.ts';

/** Checks the job against its datasets' columns and the family's parameters, before anything is reserved. */
export async function checkJob(catalog: Catalog, spec: JobSpec): Promise<SweepPlan | undefined> {
  const dataset = await readyDataset(catalog, spec.dataset, '/dataset');
  const plan = spec.sweep === undefined ? undefined : checkSweep({ ...spec, sweep: spec.sweep }, dataset);
  if (plan === undefined) validateTraining(spec, dataset);
  checkFairness(spec, dataset);
  if ('dataset' in spec.validation) await checkValidation(catalog, spec, { id: spec.validation.dataset, dataset });
  return plan;
}

function checkFairness({ fairness, task }: JobSpec, { columns }: Parameters<typeof validateTraining>[1]): void {
  if (fairness === undefined) return;
  if (task !== 'classification') {
    const message = `fairness figures are of a classification, the task is ${task}`;
    throw new ServiceError('invalid_request', message, { param: '/fairness' });
  }
  for (const field of ['column', 'group'] as const) {
    const asked = fairness[field];
    if (asked === undefined || columns.some(({ name, type }) => name === asked && type !== 'tensor')) continue;
    const message = `the dataset has no column "${asked}" with one value in each row`;
    throw new ServiceError('invalid_request', message, { param: `/fairness/${field}` });
  }
}

/** Every trial has to be a training of its own. */
function checkSweep(spec: JobSpec & { sweep: Sweep }, dataset: Parameters<typeof validateTraining>[1]): SweepPlan {
  sweepMetric(spec);
  const trials = plannedTrials(spec).map((trial) => checkTrial(spec, trial, dataset));
  const isHalving = spec.sweep.strategy === 'halving';
  const [first] = trials;
  const epochs = isObject(first) && typeof first['epochs'] === 'number' ? first['epochs'] : undefined;
  if (isHalving && epochs === undefined) {
    const message = `/sweep/strategy: halving compares trials by epochs, and ${spec.family} has none: use grid or random`;
    throw new ServiceError('invalid_request', message, { param: '/sweep/strategy' });
  }
  if (isHalving && 'epochs' in spec.sweep.parameters) {
    const param = sweptPointer('epochs');
    const message = `${param}: halving decides how many epochs a trial gets: leave it out`;
    throw new ServiceError('invalid_request', message, { param });
  }
  return sweepPlan(spec, epochs);
}

function checkTrial(spec: JobSpec, { params }: PlannedTrial, dataset: Parameters<typeof validateTraining>[1]): unknown {
  try {
    return validateTraining({ ...spec, params: trialParams(spec.params, params) }, dataset).params;
  } catch (error) {
    // What is wrong with the data or the task is wrong with every trial.
    if (!(error instanceof ServiceError) || error.param?.startsWith('/params') === false) throw error;
    const paths = Object.keys(params);
    const param = asSent(error.param, paths) ?? '/sweep/parameters';
    const details = error.details.map((detail) => ({ ...detail, pointer: asSent(detail.pointer, paths) ?? param }));
    const values = Object.entries(params).map(([path, value]) => `${path} = ${JSON.stringify(value)}`);
    const message = `${param}: with ${values.join(', ')}: ${error.message}`;
    throw new ServiceError(error.code, message, { details, param, cause: error });
  }
}

/** Of a place in a trial's params that of the values it has from the sweep, where it has them from there. */
function asSent(pointer: string | undefined, paths: readonly string[]): string | undefined {
  const place = `${pointer ?? ''}/`;
  const swept = paths.find((path) => {
    const own = `${pointerOf(['params', ...path.split('.')])}/`;
    return place.startsWith(own) || (own.startsWith(place) && place !== '/params/');
  });
  return swept === undefined ? pointer : sweptPointer(swept);
}

async function checkValidation(
  catalog: Catalog,
  spec: JobSpec,
  { id, dataset }: { id: string; dataset: { columns: readonly { name: string }[] } },
): Promise<void> {
  const validation = await readyDataset(catalog, id, '/validation/dataset');
  const names = new Set(validation.columns.map(({ name }) => name));
  const needed = [
    ...(spec.features ?? dataset.columns.map(({ name }) => name)),
    ...(spec.target === undefined ? [] : [spec.target]),
  ];
  const missing = needed.filter((name) => !names.has(name));
  if (missing.length > 0) {
    throw new ServiceError(
      'invalid_request',
      `the validation dataset lacks the columns ${missing.map((name) => `"${name}"`).join(', ')}`,
      { param: '/validation/dataset' },
    );
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
