/**
 * What an optimizer is: some state vectors as long as the flat parameter vector, a few numbers per step worked out on the host in float64,
 * and the update as a graph fragment. Its hyper-parameters carry Keras's names.
 */
import * as z from 'zod';

import type { Value } from '../onnx/graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';

export interface Update {
  /** All parameters as one vector, and the gradient with respect to it. */
  readonly parameters: Value;
  readonly gradient: Value;
  /** State vectors by name. */
  readonly slots: Readonly<Record<string, Value>>;
  /** This step's numbers by name, each of no dimensions. */
  readonly scalars: Readonly<Record<string, Value>>;
}

export interface Updated {
  readonly parameters: Value;
  readonly slots: Readonly<Record<string, Value>>;
}

export interface Optimizer {
  /** Names of the state vectors; all begin as zeros. */
  readonly slots: readonly string[];
  /** This step's numbers, steps counted from 1; a schedule may give another learning rate than the configured one. */
  scalars(step: number, learningRate?: number): Record<string, number>;
  update(g: GraphBuilder, update: Update): Updated;
}

/** A row of the table of optimizers: how its hyper-parameters read, and what they make. */
export interface OptimizerKind<Config> {
  readonly schema: z.ZodType<Config>;
  /** @throws {z.ZodError} naming the hyper-parameter that does not fit. */
  create(hyperParameters: unknown): Optimizer;
}

export const optimizerKind = <Config>(
  schema: z.ZodType<Config>,
  create: (config: Config) => Optimizer,
): OptimizerKind<Config> => ({
  schema,
  create: (hyperParameters) => create(schema.parse(hyperParameters)),
});

export const positive = z.number().positive();
export const fraction = z.number().min(0).lt(1);

/** Hyper-parameters that every optimizer takes. */
export const common = {
  /** Scales the gradient down to this Euclidean norm where it is longer. */
  global_clipnorm: positive.optional(),
};

export interface Common {
  readonly global_clipnorm?: number | undefined;
}

/** The gradient, no longer than `global_clipnorm`: g min(1, c / |g|). */
export function clipped(g: GraphBuilder, gradient: Value, { global_clipnorm: limit }: Common): Value {
  if (limit === undefined) return gradient;
  const norm = g.reduceL2(gradient);
  return g.mul(gradient, g.div(limit, g.max(norm, limit)));
}
