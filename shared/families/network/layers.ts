/** Layers that networks of every kind have. Source: https://keras.io/api/layers/. */
import * as z from 'zod';
import { sizeOf } from '../../tensor/shape.ts';
import { ACTIVATION_NAMES } from './activations.ts';
import { dropoutMask } from './dropout.ts';
import { glorotUniform, layer, zeroWeights } from './layer.ts';
import type { FormatRow, LayerKind, WeightPlan } from './layer.ts';

export const positive = z.number().int().min(1).max(100_000);
export const activation = z.enum(ACTIVATION_NAMES).default('linear');

export const denseSchema = z.strictObject({ units: positive, activation });

/** y = x W + b over the last axis. */
export function denseWeights(inputs: number, units: number): Record<string, WeightPlan> {
  return { kernel: glorotUniform([inputs, units], { fanIn: inputs, fanOut: units }), bias: zeroWeights([units]) };
}

/** Dense over rows of one dimension; `remedy` names layers that make such rows. */
export function dense(formatRow: FormatRow, remedy: string): LayerKind<unknown> {
  return layer({
    schema: denseSchema,
    plan({ units }, input) {
      if (input.length !== 1) return `expected rows of one dimension, got ${formatRow(input)}: put ${remedy} before it`;
      return { output: [units], weights: denseWeights(input[0]!, units) };
    },
    build: (g, x, _, { weights }) => g.gemm(x, weights['kernel']!, { c: weights['bias']! }),
  });
}

export const flatten = layer({
  schema: z.strictObject({}),
  plan: (_, input) => ({ output: [sizeOf(input)] }),
  build: (g, x) => (x.shape.length === 2 ? x : g.flatten(x)),
});

export const dropout = layer({
  schema: z.strictObject({ rate: z.number().min(0).lt(1) }),
  plan: (_, input) => ({ output: input }),
  build: (g, x, { rate }, { seed }) =>
    seed === undefined || rate === 0 ? x : g.mul(x, dropoutMask(g, x, { rate, seed })),
});

/** An activation on its own; applied where the network is built. */
export const activationLayer = layer({
  schema: z.union([
    z.enum(ACTIVATION_NAMES).transform((name) => ({ activation: name })),
    z.strictObject({ activation: z.enum(ACTIVATION_NAMES) }),
  ]),
  plan: (_, input) => ({ output: input }),
  build: (_g, x) => x,
});
