/** Integrated gradients on the reference networks: what they leave unexplained, beside the 3 to 10 logits of the library that they are compared with. */
import { expect, test } from '@jest/globals';
import { Explainer } from '../../shared/explain/explainer.ts';
import { mnist } from '../fixtures/data-sets.ts';
import { train } from '../conformance/families/train.ts';
import { instancesOf } from '../unit/explain/instances.ts';

const conv = (filters: number) => ({ conv2d: { filters, kernel_size: [3, 3], activation: 'relu' } });
const pool = { max_pooling2d: { pool_size: [2, 2] } };
const head = [{ dense: { units: 64, activation: 'relu' } }, { dense: { units: 10, activation: 'softmax' } }];
const NETWORKS = [
  ['cnn', { layers: [conv(32), pool, conv(64), pool, 'flatten', ...head] }],
  ['rnn', { cell: 'simple_rnn', units: 128 }],
  ['attention', { blocks: 1, d_model: 32, num_heads: 2, ff_dim: 64 }],
] as const;

test.each(NETWORKS)(
  'of the reference %s add up within 0.01 of the range of the output',
  async (family, params) => {
    const { train: rows, test: held } = mnist();
    const spec = {
      task: 'classification',
      family,
      target: 'label',
      params: { ...params, epochs: 2 },
      validation: { fraction: 0 },
    } as const;
    const { exported } = await train({ spec, train: rows });
    const explainer = new Explainer(exported.onnx, { threads: 1 });

    const instances = instancesOf(held, [0, 250, 500, 750, 1000, 1250, 1500, 1750], 'label');
    const explanations = await explainer.explain({ instances, method: 'integrated_gradients', maxSeconds: 120 });
    await explainer.release();

    for (const { completeness } of explanations) {
      expect(completeness!.passed).toBe(true);
      expect(completeness!.residual).toBeLessThan(0.01 * Math.max(1, Math.abs(completeness!.expected)));
    }
  },
  900_000,
);
