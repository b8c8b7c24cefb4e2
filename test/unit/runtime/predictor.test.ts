import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Table } from '../../../shared/data/table.ts';
import { ServiceError } from '../../../shared/errors.ts';
import { GraphBuilder, toModel } from '../../../shared/onnx/graph-builder.ts';
import { readModel } from '../../../shared/onnx/read-model.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import type { Predictor } from '../../../shared/runtime/predictor.ts';
import { exportModel, runSegment } from '../../../shared/runtime/trainer.ts';
import type { TrainingSpec } from '../../../shared/families/spec.ts';

async function trained(spec: TrainingSpec, train: Table): Promise<Uint8Array> {
  const { checkpoint } = await runSegment({ spec, train, threads: 1, shouldStop: () => false });
  return (await exportModel({ spec, train, checkpoint, threads: 1 })).onnx;
}

const rows = 60;
const mixed: Table = {
  rows,
  columns: [
    { name: 'size', type: 'number', values: Float64Array.from({ length: rows }, (_, i) => i) },
    { name: 'a/b', type: 'boolean', values: Uint8Array.from({ length: rows }, (_, i) => i % 2) },
    {
      name: 'color',
      type: 'category',
      categories: ['blue', 'red'],
      values: Int32Array.from({ length: rows }, (_, i) => (i >> 1) % 2),
    },
    {
      name: 'label',
      type: 'category',
      categories: ['10', '9', 'x'],
      values: Int32Array.from({ length: rows }, (_, i) => Math.floor(i / 20)),
    },
  ],
};
const images: Table = {
  rows,
  columns: [
    {
      name: 'label',
      type: 'tensor',
      shape: [2, 3],
      values: Float32Array.from({ length: rows * 6 }, (_, i) => Math.sin(i)),
    },
    { name: 'even', type: 'boolean', values: Uint8Array.from({ length: rows }, (_, i) => i % 2) },
  ],
};

let tabular: Predictor;
let visual: Predictor;
let file: Uint8Array;

beforeAll(async () => {
  const base = { task: 'classification', validation: { fraction: 0 } } as const;
  file = await trained({ ...base, family: 'logistic_regression', target: 'label', params: { C: 100 } }, mixed);
  tabular = await loadPredictor(file, { threads: 1 });
  const params = { layers: ['flatten', { dense: { units: 2 } }], epochs: 1 };
  visual = await loadPredictor(await trained({ ...base, family: 'cnn', target: 'even', params }, images), {
    threads: 1,
  });
});

afterAll(async () => {
  await tabular.release();
  await visual.release();
});

async function failure(predicting: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await predicting.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ServiceError)) throw new Error(`expected a ServiceError, got ${String(error)}`);
  return error;
}

describe('predicting', () => {
  test('answers label and probabilities by the labels of the data', async () => {
    const predictions = await tabular.predict([
      { size: 5, 'a/b': true, color: 'red' },
      { size: 55, 'a/b': null, color: 'never seen' },
    ]);

    expect(predictions).toMatchObject([{ label: '10' }, { label: 'x' }]);
    expect(Object.keys((predictions[0] as { probabilities: object }).probabilities).sort()).toEqual(['10', '9', 'x']);
  });

  test('answers bare values where there is one feature, and its object form alike', async () => {
    const image = [
      [1, 2, 3],
      [4, 5, 6],
    ];

    const predictions = await visual.predict([image, { label: image }]);

    expect(predictions[0]).toEqual(predictions[1]);
    expect(predictions[0]).toMatchObject({
      label: expect.any(Boolean),
      probabilities: { true: expect.any(Number), false: expect.any(Number) },
    });
    expect(await visual.predict([])).toEqual([]);
  });

  test('keeps outputs apart from a feature of the same name', () => {
    expect(visual.schema.outputs).toEqual({ label: 'label_output', probabilities: 'probabilities' });
    expect(tabular.schema).toMatchObject({ target: 'label', classes: ['10', '9', 'x'], outputs: { label: 'label' } });
  });

  test('needs nothing but ops of the default domain and ai.onnx.ml', () => {
    expect(Object.keys(readModel(file).opsets).sort()).toEqual(['', 'ai.onnx.ml']);
  });

  test('estimates its memory above the size of its file', () => {
    expect(tabular.sizeBytes).toBeGreaterThan(file.length);
  });
});

describe('what cannot be predicted is refused by instance and feature', () => {
  const good = { size: 1, 'a/b': true, color: 'red' };

  test.each<[string, unknown, string, string, RegExp]>([
    [
      'a text for a number',
      { ...good, size: 'big' },
      'invalid_request',
      '/instances/1/size',
      /instance 1, feature "size": expected a number, got "big"/,
    ],
    [
      'a number for a boolean',
      { ...good, 'a/b': 'yes' },
      'invalid_request',
      '/instances/1/a~1b',
      /expected true or false, got "yes"/,
    ],
    [
      'an array for a category',
      { ...good, color: ['red'] },
      'invalid_request',
      '/instances/1/color',
      /expected a text, got \["red"\]/,
    ],
    [
      'a missing feature',
      { size: 1, color: 'red' },
      'invalid_request',
      '/instances/1',
      /the features "a\/b" are missing; send null/,
    ],
    [
      'an unknown feature',
      { ...good, colour: 'red' },
      'unknown_field',
      '/instances/1/colour',
      /no feature "colour", its features are size, a\/b, color/,
    ],
    [
      'a bare value',
      7,
      'invalid_request',
      '/instances/1',
      /expected an object with the features size, a\/b, color, got 7/,
    ],
  ])('%s', async (_, instance, code, param, message) => {
    const error = await failure(tabular.predict([good, instance]));

    expect(error).toMatchObject({ code, param, message: expect.stringMatching(message) });
  });

  test.each<[string, unknown, RegExp]>([
    [
      'another shape',
      [
        [1, 2],
        [3, 4],
      ],
      /expected numbers of shape \[2, 3\], got shape \[2, 2\]/,
    ],
    ['too few dimensions', [1, 2, 3], /expected numbers of shape \[2, 3\], got shape \[3\]/],
    [
      'ragged rows',
      [
        [1, 2, 3],
        [4, 5],
      ],
      /shape \[2, 3\]: expected 3 elements in an array, found 2/,
    ],
    [
      'no numbers',
      [
        [1, 2, 'x'],
        [4, 5, 6],
      ],
      /shape \[2, 3\]: expected a number, found "x"/,
    ],
    [
      'numbers beyond float32',
      [
        [1, 2, 1e39],
        [4, 5, 6],
      ],
      /shape \[2, 3\]: expected no number beyond float32's 3.4e38, found 1e\+39/,
    ],
    ['a number', 3, /got 3/],
    ['null', null, /got null/],
  ])('a tensor of %s', async (_, value, message) => {
    const error = await failure(
      visual.predict([
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        { label: value },
      ]),
    );

    expect(error).toMatchObject({
      code: 'shape_mismatch',
      param: '/instances/1/label',
      message: expect.stringMatching(message),
    });
  });

  test('a file that is not ours', async () => {
    const g = new GraphBuilder('other');
    g.output(g.relu(g.input('x', 'float32', ['batch', 2])), 'y');

    expect((await failure(loadPredictor(toModel(g), { threads: 1 }))).message).toMatch(/no "tenon.schema"/);
  });
});
