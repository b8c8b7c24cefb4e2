import { describe, expect, test } from '@jest/globals';
import { readRows } from '../../../shared/data/jsonl.ts';
import { predictFinite } from '../../../shared/http/inference/predict.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import { train } from '../../conformance/families/train.ts';

describe('predictions as JSON', () => {
  test('refuse the instance whose probabilities are no numbers', async () => {
    const table = readRows(Array.from({ length: 40 }, (_, i) => ({ x: i, label: i < 20 ? 'low' : 'high' })));
    const spec = { task: 'classification', family: 'logistic_regression', target: 'label' } as const;
    const { exported } = await train({ spec: { ...spec, preprocessing: { standardize: false, missing: 'mean', categories: 'one_hot' } }, train: table });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });

    const small = await predictFinite(predictor, [{ x: 3 }]);
    const huge = predictFinite(predictor, [{ x: 3 }, { x: Number.MAX_VALUE }]);

    expect(small).toMatchObject([{ label: 'low' }]);
    await expect(huge).rejects.toMatchObject({ code: 'invalid_request', param: '/instances/1' });
    await predictor.release();
  });
});
