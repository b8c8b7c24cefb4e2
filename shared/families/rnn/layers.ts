/**
 * The layers of `rnn`, with Keras's names and defaults. Rows are sequences [time, features] or vectors [units]; what a layer gives the next within
 * the graph is [time, batch, features] or [batch, units]. Source: https://keras.io/api/layers/recurrent_layers/.
 */
import * as z from 'zod';
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { embedding } from '../network/embedding.ts';
import { layer } from '../network/layer.ts';
import type { LayerInputs, LayerKind, LayerPlan, LayerTable, RowShape } from '../network/layer.ts';
import { activationLayer, denseSchema, denseWeights, dropout, positive } from '../network/layers.ts';
import { CELLS } from './cells.ts';
import type { CellConfig, CellName } from './cells.ts';
import { fusedOutputs, isFusible } from './fused.ts';
import { recurOver, swapTime } from './recurrence.ts';
import type { Recurrence } from './recurrence.ts';

/** Training keeps about ten values per unit, step and row of a batch. */
const MAX_STEPS = 1024;

/** `[batch, time, features]` or `[batch, units]`. */
function formatRow(shape: RowShape): string {
  return `[${['batch', ...shape].join(', ')}]`;
}

/** The orthogonal first weights of more would take minutes. */
const MAX_UNITS = 1024;

const units = positive;
const returnSequences = z.boolean().default(false);
const tanh = z.literal('tanh', { error: 'expected "tanh": other activations are not offered' }).default('tanh');
const sigmoid = z.literal('sigmoid', { error: 'expected "sigmoid": other activations are not offered' });

const gated = z.strictObject({
  units,
  return_sequences: returnSequences,
  activation: tanh,
  recurrent_activation: sigmoid.default('sigmoid'),
});

const CELL_SCHEMAS = {
  simple_rnn: z.strictObject({
    units,
    return_sequences: returnSequences,
    activation: z.enum(['tanh', 'relu', 'sigmoid', 'linear']).default('tanh'),
  }),
  gru: gated,
  lstm: gated,
} as const satisfies Record<CellName, z.ZodType<RecurrentConfig>>;

interface RecurrentConfig extends CellConfig {
  readonly return_sequences: boolean;
}

function recurrent(cell: CellName): LayerKind<unknown> {
  return layer<RecurrentConfig>({
    schema: CELL_SCHEMAS[cell],
    hasOwnActivation: true,
    plan(config, input) {
      const problem = requireSequences(input) ?? requireUnits(config.units);
      if (problem !== undefined) return problem;
      return { output: recurrentOutput(config, input), weights: CELLS[cell].weights(input[1]!, config.units) };
    },
    build(g, x, config, { weights, mask }) {
      return recur(g, x, { cell, config, weights, mask, isBackward: false }, config.return_sequences);
    },
  });
}

/** The outputs of all steps, or of the last one processed. */
function recur(g: GraphBuilder, x: Value, recurrence: Recurrence, isSequence: boolean): Value {
  if (isFusible(x, recurrence)) {
    const { sequence, last } = fusedOutputs(g, x, recurrence);
    return isSequence ? sequence : last;
  }
  return recurOver(g, x, recurrence, isSequence);
}

function recurrentOutput({ units: width, return_sequences: isSequence }: RecurrentConfig, input: RowShape): RowShape {
  return isSequence ? [input[0]!, width] : [width];
}

function requireSequences(input: RowShape): string | undefined {
  if (input.length !== 2) {
    return `expected sequences [batch, time, features], got ${formatRow(input)}: set "return_sequences": true in the recurrent layer before it`;
  }
  return input[0]! > MAX_STEPS
    ? `expected sequences of at most ${MAX_STEPS} steps, got ${formatRow(input)}`
    : undefined;
}

function requireUnits(count: number): string | undefined {
  return count > MAX_UNITS ? `expected at most ${MAX_UNITS} units, got ${count}` : undefined;
}

type Merge = (g: GraphBuilder, forward: Value, backward: Value) => Value;

const MERGES = {
  concat: (g, a, b) => g.concat([a, b], -1),
  sum: (g, a, b) => g.add(a, b),
  ave: (g, a, b) => g.mul(g.add(a, b), 0.5),
  mul: (g, a, b) => g.mul(a, b),
} as const satisfies Record<string, Merge>;

const MERGE_NAMES = Object.keys(MERGES) as [keyof typeof MERGES, ...(keyof typeof MERGES)[]];

interface BidirectionalConfig {
  readonly layer: { readonly [K in CellName]?: RecurrentConfig | undefined };
  readonly merge_mode: keyof typeof MERGES;
}

const innerLayer = z
  .strictObject({
    simple_rnn: CELL_SCHEMAS.simple_rnn.optional(),
    gru: CELL_SCHEMAS.gru.optional(),
    lstm: CELL_SCHEMAS.lstm.optional(),
  })
  .refine((value) => Object.keys(value).length === 1, {
    error: 'expected one recurrent layer, such as {"lstm": {"units": 64}}',
  });

const bidirectional = layer<BidirectionalConfig>({
  schema: z.strictObject({ layer: innerLayer, merge_mode: z.enum(MERGE_NAMES).default('concat') }),
  plan(config, input): LayerPlan | string {
    const [cell, inner] = innerOf(config);
    const problem = requireSequences(input) ?? requireUnits(inner.units);
    if (problem !== undefined) return problem;
    const output = recurrentOutput(inner, input);
    const weights = Object.entries(CELLS[cell].weights(input[1]!, inner.units));
    const both = DIRECTIONS.flatMap((direction) => weights.map(([name, plan]) => [`${direction}/${name}`, plan]));
    return {
      output: config.merge_mode === 'concat' ? output.with(-1, 2 * inner.units) : output,
      weights: Object.fromEntries(both) as NonNullable<LayerPlan['weights']>,
    };
  },
  build(g, x, config, inputs) {
    const [cell, inner] = innerOf(config);
    const [forward, backward] = DIRECTIONS.map((direction) =>
      g.scope(direction, () => {
        const weights = weightsOf(direction, inputs);
        const recurrence = { cell, config: inner, weights, mask: inputs.mask, isBackward: direction === 'backward' };
        return recur(g, x, recurrence, inner.return_sequences);
      }),
    ) as [Value, Value];
    return MERGES[config.merge_mode](g, forward, backward);
  },
});

const DIRECTIONS = ['forward', 'backward'] as const;

function innerOf(config: BidirectionalConfig): [CellName, RecurrentConfig] {
  return Object.entries(config.layer)[0] as [CellName, RecurrentConfig];
}

function weightsOf(direction: string, { weights }: LayerInputs): Record<string, Value> {
  const own = Object.entries(weights).filter(([name]) => name.startsWith(`${direction}/`));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(direction.length + 1), value]));
}

/** Over the last axis; on sequences the same at every step. */
const dense = layer({
  schema: denseSchema,
  plan: ({ units: width }, input) => ({
    output: input.with(-1, width),
    weights: denseWeights(input.at(-1)!, width),
  }),
  build(g, x, { units: width }, { weights }) {
    const product = (rows: Value): Value => g.gemm(rows, weights['kernel']!, { c: weights['bias']! });
    if (x.shape.length === 2) return product(x);
    if (typeof x.shape[0] === 'string') return g.add(g.matMul(x, weights['kernel']!), weights['bias']!);
    return g.reshape(product(g.reshape(x, [-1, x.shape[2]!])), [...x.shape.slice(0, 2), width]);
  },
});

/** Steps whose values all are `mask_value` are skipped by the recurrent layers that follow. */
const masking = layer({
  schema: z.strictObject({ mask_value: z.number().default(0) }),
  plan: (_, input) =>
    input.length === 2 ? { output: input } : `expected sequences [batch, time, features], got ${formatRow(input)}`,
  mask: stepMask,
  build: (g, x, config) => g.mul(x, stepMask(g, x, config)),
});

/** [time, batch, 1] */
function stepMask(g: GraphBuilder, x: Value, { mask_value: value }: { mask_value: number }): Value {
  const differs = g.cast(g.not(g.equal(x, value)), 'float32');
  return g.reduceMax(differs, { axes: [2], keepdims: true });
}

const flatten = layer({
  schema: z.strictObject({}),
  plan: (_, input) => ({ output: [sizeOf(input)] }),
  build(g, x) {
    if (x.shape.length === 2) return x;
    const [time, batch, features] = x.shape as [number, number | string, number];
    return g.reshape(swapTime(g, x), [batch, time * features]);
  },
});

export const RNN_LAYERS: LayerTable = {
  kinds: {
    simple_rnn: recurrent('simple_rnn'),
    gru: recurrent('gru'),
    lstm: recurrent('lstm'),
    bidirectional,
    embedding,
    masking,
    flatten,
    dense,
    dropout,
    activation: activationLayer,
  },
  coming: [],
  formatRow,
};
