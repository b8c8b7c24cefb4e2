import { describe, expect, it } from '@jest/globals';
import { createJobSchema } from '../../../shared/resources/job.ts';
import type { JobSpec } from '../../../shared/resources/job.ts';
import type { Sweep } from '../../../shared/resources/sweep.ts';
import { plannedTrials, sweepMetric, sweepPlan, trialParams } from '../../../shared/workflows/sweep.ts';

function specOf(sweep: object, rest: object = {}): JobSpec & { sweep: Sweep } {
  return createJobSchema.parse({
    name: 'm',
    task: 'classification',
    family: 'cnn',
    dataset: 'ds_1',
    sweep,
    ...rest,
  }) as JobSpec & { sweep: Sweep };
}

const valuesOf = (spec: JobSpec & { sweep: Sweep }) => plannedTrials(spec).map(({ params }) => Object.values(params));

describe('the trials of a sweep', () => {
  it('by grid are all combinations, the last parameter turning fastest', () => {
    const spec = specOf({ strategy: 'grid', parameters: { a: [1, 2], 'b.c': ['x', 'y', 'z'] } });

    expect(valuesOf(spec)).toEqual([
      [1, 'x'],
      [1, 'y'],
      [1, 'z'],
      [2, 'x'],
      [2, 'y'],
      [2, 'z'],
    ]);
    expect(plannedTrials(spec)[1]).toEqual({ id: 'trial_0002', params: { a: 1, 'b.c': 'y' } });
  });

  it('are distinct, as many as asked for, and the same for the same seed', () => {
    const sweep = { strategy: 'random', parameters: { a: [1, 2, 3, 4], b: [1, 2, 3, 4] }, max_trials: 10 };

    const first = valuesOf(specOf(sweep, { seed: 3 }));

    expect(new Set(first.map((values) => JSON.stringify(values))).size).toBe(10);
    expect(valuesOf(specOf(sweep, { seed: 3 }))).toEqual(first);
    expect(valuesOf(specOf(sweep, { seed: 4 }))).not.toEqual(first);
    expect(valuesOf(specOf({ ...sweep, max_trials: 16 }))).toHaveLength(16);
  });

  it('come from ranges too: linear, logarithmic, whole numbers', () => {
    const parameters = { lr: { min: 1e-5, max: 1, scale: 'log' }, n: { min: 1.5, max: 4.5, integer: true } };
    const values = valuesOf(specOf({ strategy: 'random', parameters, max_trials: 200 }));

    const rates = values.map(([rate]) => rate as number);
    // Half of the draws on a log scale lie below the geometric mean, 10^-2.5.
    const below = rates.filter((rate) => rate < 10 ** -2.5).length / rates.length;
    expect(rates.every((rate) => rate >= 1e-5 && rate <= 1)).toBe(true);
    expect(Math.abs(below - 0.5)).toBeLessThan(0.15);
    expect(new Set(values.map(([, n]) => n))).toEqual(new Set([2, 3, 4]));
  });

  it.each([
    [{ strategy: 'grid', parameters: { a: { min: 0, max: 1 } } }, 'a grid needs lists'],
    [{ strategy: 'grid', parameters: { a: [...Array(20).keys()], b: [...Array(20).keys()] } }, '400 combinations'],
  ])('are refused where they cannot be made: %j', (sweep, message) => {
    expect(() => plannedTrials(specOf(sweep))).toThrow(message);
  });
});

describe('the params of a trial', () => {
  it('have the varied values in their places, and leave the others', () => {
    const params = { optimizer: 'adam', layers: ['flatten', { dense: { units: 10 } }], epochs: 3 };

    const varied = trialParams(params, { 'optimizer.adam.learning_rate': 0.1, 'layers.1.dense.units': 7, l2: 1 });

    expect(varied).toEqual({
      optimizer: { adam: { learning_rate: 0.1 } },
      layers: ['flatten', { dense: { units: 7 } }],
      epochs: 3,
      l2: 1,
    });
    expect(params.layers[1]).toEqual({ dense: { units: 10 } });
  });

  it.each([
    ['layers.2.units', 'no index of a list of 1'],
    ['layers.00', 'no index of a list of 1'],
    ['epochs.x', 'nothing lies below 3'],
  ])('name a path that leads nowhere: %s', (path, message) => {
    const place = () => trialParams({ layers: ['flatten'], epochs: 3 }, { [path]: 1 });

    expect(place).toThrow(message);
    expect(place).toThrow(expect.objectContaining({ param: `/sweep/parameters/${path}` }));
  });

  it('are made of fields of their own, of which what every object has is none', () => {
    const varied = trialParams({ epochs: 3 }, { 'constructor.prototype.x': 1, '__proto__.y': 2 });

    expect(Object.keys(varied)).toEqual(['epochs', 'constructor', '__proto__']);
    expect(varied['constructor']).toEqual({ prototype: { x: 1 } });
    expect(Object.hasOwn(Object.prototype, 'y')).toBe(false);
  });
});

describe('the metric of a sweep', () => {
  const parameters = { a: [1] };

  it('is the task’s, of the validation rows where there are any', () => {
    const spec = specOf({ strategy: 'grid', parameters });

    expect(sweepMetric(spec)).toEqual({ part: 'validation', name: 'accuracy', mode: 'max' });
    expect(sweepMetric({ ...spec, task: 'regression' })).toMatchObject({ name: 'rmse', mode: 'min' });
    expect(sweepMetric({ ...spec, validation: { fraction: 0 } })).toMatchObject({ part: 'train' });
  });

  it('is refused where the job will not have it', () => {
    const asked =
      (metric: string, rest: object = {}) =>
      () =>
        sweepMetric(specOf({ strategy: 'grid', parameters, metric }, rest));

    expect(asked('validation_r2')).toThrow('classification has no metric "validation_r2"');
    expect(asked('validation_loss', { validation: { fraction: 0 } })).toThrow('validation.fraction is 0');
  });
});

describe('the rounds of a halving', () => {
  it('halve the trials and double the epochs, the last to the end', () => {
    const spec = specOf({ strategy: 'halving', parameters: { a: [1, 2, 3, 4, 5, 6, 7, 8] } });

    expect(sweepPlan(spec, 8).rungs).toEqual([
      { keep: 8, epoch: 1 },
      { keep: 4, epoch: 2 },
      { keep: 2, epoch: 4 },
      { keep: 1 },
    ]);
    expect(sweepPlan(spec, 2).rungs).toEqual([{ keep: 8, epoch: 1 }, { keep: 1 }]);
    expect(sweepPlan(spec, 1).rungs).toEqual([{ keep: 8 }]);
  });
});
