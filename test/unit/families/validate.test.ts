import { describe, expect, test } from '@jest/globals';
import type { TrainingSpec } from '../../../shared/families/spec.ts';
import { validateTraining } from '../../../shared/families/validate.ts';

const columns = [
  { name: 'age', type: 'integer', missing: 3, unique: 40 },
  { name: 'city', type: 'category', missing: 0, unique: 3 },
  { name: 'note', type: 'text', missing: 0, unique: 90 },
  { name: 'price', type: 'number', missing: 0, unique: 95 },
  { name: 'label', type: 'category', missing: 0, unique: 2 },
  { name: 'only', type: 'category', missing: 0, unique: 1 },
  { name: 'gappy', type: 'category', missing: 7, unique: 2 },
  { name: 'image', type: 'tensor', missing: 0, shape: [4, 4] },
  { name: 'huge', type: 'number', missing: 0, min: -1e308, max: 2 },
] as const;

const valid: TrainingSpec = {
  task: 'classification',
  family: 'logistic_regression',
  target: 'label',
  features: ['age', 'city'],
};

const refusal = (change: Partial<TrainingSpec>): unknown => {
  try {
    validateTraining({ ...valid, ...change }, { columns });
  } catch (error) {
    return error;
  }
  return undefined;
};

describe('checking a training', () => {
  test('fills in the defaults of the parameters', () => {
    const checked = validateTraining(valid, { columns });

    expect(checked.params).toMatchObject({ C: 1, penalty: 'l2', fit_intercept: true });
    expect(checked.features).toEqual(['age', 'city']);
  });

  test.each<[string, Partial<TrainingSpec>, string, RegExp]>([
    [
      'an unknown family',
      { family: 'forest' },
      '/family',
      /unknown family "forest": expected one of .*linear_regression, /,
    ],
    [
      'a task that the family has not',
      { task: 'regression' },
      '/task',
      /logistic_regression is for classification, not for regression/,
    ],
    ['no target', { target: undefined }, '/target', /needs a "target"/],
    ['a target that is not there', { target: 'lable' }, '/target', /no column "lable": the data has age, city/],
    [
      'a number as class',
      { target: 'price' },
      '/target',
      /"price" is of type number; for numbers with decimals the task is regression/,
    ],
    ['a target of one class', { target: 'only' }, '/target', /at least two classes to tell apart, the data has 1/],
    ['a target with gaps', { target: 'gappy' }, '/target', /lacks a value in 7 rows/],
    [
      'a category as number',
      { task: 'regression', family: 'linear_regression' },
      '/target',
      /target of regression is a column of type number, integer/,
    ],
    [
      'units that stand for a layer which is too wide',
      { family: 'rnn', features: ['image'], params: { units: 100_000 } },
      '/params/units',
      /lstm_1: expected at most 1024 units, got 100000/,
    ],
    [
      'heads that do not divide the width of a model, given without layers',
      { family: 'attention', features: ['image'], params: { num_heads: 3 } },
      '/params/num_heads',
      /features that 3 heads divide/,
    ],
    [
      'a feature whose squares are no numbers',
      { features: ['age', 'huge'] },
      '/features/1',
      /"huge" has values as large as 1\.00e\+308, expected at most 1e\+150/,
    ],
    [
      'such a target',
      { task: 'regression', family: 'linear_regression', target: 'huge' },
      '/target',
      /"huge" has values as large as/,
    ],
    ['a feature that is not there', { features: ['age', 'town'] }, '/features/1', /no column "town"/],
    ['the target as feature', { features: ['label'] }, '/features/0', /is the target/],
    ['a feature twice', { features: ['age', 'city', 'age'] }, '/features/2', /"age" stands twice/],
    [
      'a text feature',
      { features: ['age', 'note'] },
      '/features/1',
      /"note" is a text column, which the family logistic_regression does not take: leave it out/,
    ],
    ['a text among the default features', { features: undefined }, '/features', /"note" is a text column/],
    [
      'an image for a linear family',
      { features: ['image'] },
      '/features/0',
      /takes features of type number, integer, boolean, category, datetime; "image" is of type tensor/,
    ],
    [
      'a parameter of the wrong size',
      { params: { C: -1 } },
      '/params/C',
      /C: expected a number of more than 0; got -1/,
    ],
    [
      'a layer whose parameter has the wrong size, with what stood there',
      { family: 'cnn', features: ['image'], params: { layers: ['flatten', { dense: { units: 1.5 } }] } },
      '/params/layers/1/dense/units',
      /expected a whole number; got 1.5/,
    ],
    [
      'an activation that is none, with those that are',
      { family: 'cnn', features: ['image'], params: { layers: ['flatten', { activation: 'relo' }] } },
      '/params/layers/1/activation',
      /expected .*"relu".*; got "relo"/,
    ],
  ])('refuses %s', (_, change, param, message) => {
    expect(refusal(change)).toMatchObject({ code: 'invalid_request', param, message: expect.stringMatching(message) });
  });

  test('refuses an unknown parameter by name, with every finding among the details', () => {
    expect(refusal({ params: { alpha: 1, max_iter: 0 } })).toMatchObject({
      details: expect.arrayContaining([
        expect.objectContaining({ pointer: '/params/alpha', message: 'unknown field "alpha"' }),
        expect.objectContaining({ pointer: '/params/max_iter' }),
      ]),
    });
    expect(refusal({ params: { alpha: 1 } })).toMatchObject({ code: 'unknown_field', param: '/params/alpha' });
  });
});

describe('checking a training on data of which the profile is known', () => {
  const rows = 40;
  const known = {
    rows,
    columns: [
      { name: 'age', type: 'integer', missing: 0, unique: 40 },
      { name: 'empty', type: 'number', missing: rows, unique: 0 },
      { name: 'label', type: 'category', missing: 0, unique: 2, top: [{ value: 'yes' }, { value: 'no' }] },
    ],
  } as const;
  const forecast = { task: 'forecasting', family: 'rnn', target: 'age', features: undefined };
  const refusedOn = (change: Partial<TrainingSpec>): unknown => {
    try {
      validateTraining({ ...valid, features: ['age'], ...change }, known);
    } catch (error) {
      return error;
    }
    return undefined;
  };

  test.each<[string, Partial<TrainingSpec>, string, RegExp]>([
    [
      'a column without any value',
      { features: ['age', 'empty'] },
      '/features/1',
      /"empty" has no value in any row: leave it out/,
    ],
    [
      'a weight of a class that there is not',
      { params: { class_weight: { maybe: 2 } } },
      '/params/class_weight/maybe',
      /no class "maybe", its classes are yes, no/,
    ],
    [
      'more clusters than rows are left to learn from',
      { task: 'clustering', family: 'kmeans', target: undefined, params: { n_clusters: 33 } },
      '/params/n_clusters',
      /at most the 32 training rows, got 33/,
    ],
    [
      'a window longer than the series',
      {
        ...forecast,
        params: { cell: 'gru', units: 2, window: 40 },
      },
      '/params/window',
      /need at least 41 rows, the data has 40/,
    ],
    [
      'a horizon that leaves no window to train on',
      {
        ...forecast,
        params: { cell: 'gru', units: 2, window: 5, horizon: 30 },
      },
      '/validation/fraction',
      /leave none to train on/,
    ],
    [
      'early stopping by rows that are not kept apart',
      {
        ...forecast,
        validation: { fraction: 0 },
        params: { cell: 'gru', units: 2, window: 5, early_stopping: { monitor: 'validation_loss' } },
      },
      '/params/early_stopping/monitor',
      /no rows are kept apart/,
    ],
    [
      'early stopping by a figure of another task',
      { ...forecast, params: { cell: 'gru', units: 2, window: 5, early_stopping: { monitor: 'validation_accuracy' } } },
      '/params/early_stopping/monitor',
      /of forecasting expected one of validation_loss, validation_r2, validation_rmse, validation_mae/,
    ],
  ])('refuses %s', (_, change, param, message) => {
    expect(refusedOn(change)).toMatchObject({
      code: 'invalid_request',
      param,
      message: expect.stringMatching(message),
    });
  });

  test('takes what just fits', () => {
    expect(refusedOn({ params: { class_weight: { yes: 2 } } })).toBeUndefined();
    const clusters = { task: 'clustering', family: 'kmeans', target: undefined, params: { n_clusters: 32 } };
    expect(refusedOn(clusters)).toBeUndefined();
    const params = { cell: 'gru', units: 2, window: 5, early_stopping: { patience: 1 } };
    expect(refusedOn({ ...forecast, validation: { fraction: 0 }, params })).toBeUndefined();
  });
});
