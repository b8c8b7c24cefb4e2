/**
 * Attention as layers: heads alone, and the blocks of a transformer, each attention and then two dense layers, with residual sums and layer
 * normalisation before ("pre") or after ("post") each. Sources: A. Vaswani et al. (2017); R. Xiong et al., "On layer normalization in the transformer
 * architecture" (2020) for "pre". A decoder here is the block of a language model: causal, with nothing to decode but its own past.
 */
import * as z from 'zod';
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { ACTIVATIONS } from '../network/activations.ts';
import { dropoutMask } from '../network/dropout.ts';
import { layer, oneWeights } from '../network/layer.ts';
import { zeroWeights } from '../network/layer.ts';
import type { LayerInputs, LayerKind, LayerPlan, RowShape, WeightPlan } from '../network/layer.ts';
import { denseWeights, positive } from '../network/layers.ts';
import { attend, headWeights, project } from './heads.ts';
import type { Heads } from './heads.ts';
import { formatRow, requireSequences } from './shapes.ts';

const rate = z.number().min(0).lt(1).default(0);
const epsilon = z.number().positive().max(1).default(1e-3);

export interface BlockConfig {
  readonly num_heads: number;
  readonly key_dim?: number | undefined;
  readonly ff_dim: number;
  readonly dropout: number;
  readonly norm: 'pre' | 'post';
  readonly activation: 'relu' | 'gelu';
  readonly epsilon: number;
}

const blockSchema = z.strictObject({
  num_heads: positive,
  key_dim: positive.optional().describe('Width of a head; by default the features over the heads.'),
  ff_dim: positive,
  dropout: rate,
  norm: z.enum(['pre', 'post']).default('pre'),
  activation: z.enum(['relu', 'gelu']).default('relu'),
  epsilon,
});

/** transformer_encoder, and causal transformer_decoder. */
export function block(isCausal: boolean): LayerKind<unknown> {
  return layer<BlockConfig>({
    schema: blockSchema,
    hasOwnActivation: true,
    isCausal: () => isCausal,
    plan(config, input) {
      const heads = headsOf(config, input, isCausal);
      return typeof heads === 'string' ? heads : { output: input, weights: blockWeights(config, input[1]!, heads) };
    },
    build(g, x, config, inputs) {
      const heads = headsOf(config, x.shape.slice(1) as number[], isCausal) as Heads;
      const attention = (value: Value): Value =>
        g.scope('attention', () => attend(g, value, heads, { ...inputs, weights: within('attention', inputs) }));
      const feedForward = (value: Value): Value => dense2(g, value, config, within('feed_forward', inputs));
      return [attention, feedForward].reduce(
        (value, part, i) => residual(g, value, part, { config, inputs, number: i + 1 }),
        x,
      );
    },
  });
}

/** Pre: x + f(norm x). Post: norm(x + f(x)). */
function residual(
  g: GraphBuilder,
  x: Value,
  part: (x: Value) => Value,
  { config, inputs, number }: { config: BlockConfig; inputs: LayerInputs; number: number },
): Value {
  const norm = (value: Value): Value => normalize(g, value, within(`norm_${number}`, inputs), config.epsilon);
  const dropped = (value: Value): Value => {
    if (inputs.seed === undefined || config.dropout === 0) return value;
    const seed = g.add(inputs.seed, number * 0x51ed27);
    return g.mul(value, dropoutMask(g, value, { rate: config.dropout, seed }));
  };
  return config.norm === 'pre' ? g.add(x, dropped(part(norm(x)))) : norm(g.add(x, dropped(part(x))));
}

function dense2(
  g: GraphBuilder,
  x: Value,
  { activation }: BlockConfig,
  weights: Readonly<Record<string, Value>>,
): Value {
  return g.scope('feed_forward', () => {
    const inner = project(g, x, { kernel: weights['kernel_1']!, bias: weights['bias_1']! });
    return project(g, ACTIVATIONS[activation](g, inner), { kernel: weights['kernel_2']!, bias: weights['bias_2']! });
  });
}

function blockWeights({ ff_dim: inner }: BlockConfig, features: number, heads: Heads): Record<string, WeightPlan> {
  const numbered = (number: number, weights: Record<string, WeightPlan>) =>
    Object.entries(weights).map(([name, plan]) => [`${name}_${number}`, plan] as const);
  const feedForward = [...numbered(1, denseWeights(features, inner)), ...numbered(2, denseWeights(inner, features))];
  return {
    ...prefixed('norm_1', normWeights(features)),
    ...prefixed('attention', headWeights(features, heads)),
    ...prefixed('norm_2', normWeights(features)),
    ...prefixed('feed_forward', Object.fromEntries(feedForward)),
  };
}

/** The heads of a layer over such rows, or why there can be none. */
function headsOf(
  { num_heads: numHeads, key_dim: width, dropout }: Pick<BlockConfig, 'num_heads' | 'key_dim' | 'dropout'>,
  input: RowShape,
  isCausal: boolean,
): Heads | string {
  const problem = requireSequences(input);
  if (problem !== undefined) return problem;
  const keyDim = width ?? input[1]! / numHeads;
  if (Number.isInteger(keyDim)) return { numHeads, keyDim, dropout, isCausal };
  return `expected features that ${numHeads} heads divide, got ${formatRow(input)}: give "key_dim", or another "num_heads"`;
}

interface AttentionConfig {
  readonly num_heads: number;
  readonly key_dim?: number | undefined;
  readonly dropout: number;
  readonly causal: boolean;
}

/** Self-attention without a residual sum. */
export const multiHeadAttention = layer<AttentionConfig>({
  schema: z.strictObject({
    num_heads: positive,
    key_dim: positive.optional(),
    dropout: rate,
    causal: z.boolean().default(false),
  }),
  isCausal: ({ causal }) => causal,
  plan(config, input): LayerPlan | string {
    const heads = headsOf(config, input, config.causal);
    return typeof heads === 'string' ? heads : { output: input, weights: headWeights(input[1]!, heads) };
  },
  build: (g, x, config, inputs) =>
    attend(g, x, headsOf(config, x.shape.slice(1) as number[], config.causal) as Heads, inputs),
});

/** Over the features of a step, or of a vector. */
export const layerNormalization = layer<{ readonly epsilon: number }>({
  schema: z.strictObject({ epsilon }),
  plan: (_, input) => ({ output: input, weights: normWeights(input.at(-1)!) }),
  build: (g, x, { epsilon: small }, { weights }) => normalize(g, x, weights, small),
});

function normWeights(features: number): Record<string, WeightPlan> {
  return { gamma: oneWeights([features]), beta: zeroWeights([features]) };
}

function normalize(g: GraphBuilder, x: Value, weights: Readonly<Record<string, Value>>, small: number): Value {
  return g.layerNormalization(x, { scale: weights['gamma']!, bias: weights['beta']!, epsilon: small })[0];
}

function prefixed(part: string, weights: Readonly<Record<string, WeightPlan>>): Record<string, WeightPlan> {
  return Object.fromEntries(Object.entries(weights).map(([name, plan]) => [`${part}/${name}`, plan]));
}

/** The weights of one part of a block, by their own names. */
function within(part: string, { weights }: LayerInputs): Record<string, Value> {
  const own = Object.entries(weights).filter(([name]) => name.startsWith(`${part}/`));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(part.length + 1), value]));
}
