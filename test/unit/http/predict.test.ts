import { describe, expect, test } from '@jest/globals';
import { readRows } from '../../../shared/data/jsonl.ts';
import { predictFinite } from '../../../shared/runtime/predict-finite.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import { train } from '../../conformance/families/train.ts';

describe('predictions as JSON', () => {
  test('refuse the instance whose probabilities are no numbers', async () => {
    const table = readRows(Array.from({ length: 40 }, (_, i) => ({ x: i, label: i < 20 ? 'low' : 'high' })));
    const spec = { task: 'classification', family: 'logistic_regression', target: 'label' } as const;
    const { exported } = await train({
      spec: { ...spec, preprocessing: { standardize: false, missing: 'mean', categories: 'one_hot' } },
      train: table,
    });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });

    const small = await predictFinite(predictor, [{ x: 3 }]);
    const huge = predictFinite(predictor, [{ x: 3 }, { x: Number.MAX_VALUE }]);

    expect(small).toMatchObject([{ label: 'low' }]);
    await expect(huge).rejects.toMatchObject({ code: 'invalid_request', param: '/instances/1' });
    await predictor.release();
  });

  test('have nothing at masked steps', async () => {
    const table = readRows(Array.from({ length: 20 }, (_, i) => ({ x: [[i / 20], [0], [1]], y: [i, 0, 1] })));
    const layers = ['masking', { gru: { units: 2, return_sequences: true } }, { dense: { units: 1 } }];
    const spec = { task: 'regression', family: 'rnn', target: 'y', params: { layers, epochs: 1 } } as const;
    const { exported } = await train({ spec, train: table });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });

    const predictions = await predictFinite(predictor, [[[0.5], [0], [1]]]);

    expect(JSON.parse(JSON.stringify(predictions))).toEqual([[expect.any(Number), null, expect.any(Number)]]);
    await predictor.release();
  });
});
