/** Attention, whose gradient in training is stated as a whole: heads of all steps and of earlier ones, with and without padding. */
import { attend, headWeights } from '../../../../shared/families/attention/heads.ts';
import { fromNumbers, scalar } from '../../../../shared/tensor/tensor.ts';
import { casesOf } from '../gradient-case.ts';
import type { Build, GradientCase } from '../gradient-case.ts';

const [BATCH, TIME, FEATURES] = [2, 4, 3] as const;
/** [batch, time] */
const MASK = [1, 1, 1, 0, 1, 1, 0, 0];

interface Options {
  readonly isCausal?: boolean;
  readonly isMasked?: boolean;
}

/** The sequences first, then the weights in their order. */
function attentionCase({ isCausal = false, isMasked = false }: Options): readonly [(readonly number[])[], Build] {
  const heads = { numHeads: 2, keyDim: 3, dropout: 0, isCausal };
  const weights = Object.entries(headWeights(FEATURES, heads));
  const build: Build = (g, x, ...values) => {
    const inputs = {
      weights: Object.fromEntries(weights.map(([name], i) => [name, values[i]!])),
      seed: g.constant(scalar('int32', 1)),
    };
    const mask = g.constant(fromNumbers(x.dtype as 'float32', MASK, [BATCH, TIME]));
    return attend(g, x, heads, isMasked ? { ...inputs, mask } : inputs);
  };
  return [[[BATCH, TIME, FEATURES], ...weights.map(([, { shape }]) => shape)], build];
}

export const attentionCases: readonly GradientCase[] = casesOf('attention', {
  'of all steps': attentionCase({}),
  'of earlier steps': attentionCase({ isCausal: true }),
  'without the padding': attentionCase({ isMasked: true }),
  'of earlier steps without the padding': attentionCase({ isCausal: true, isMasked: true }),
});
