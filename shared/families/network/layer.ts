/** What a layer of a network is: parameters with Keras's names, the shape and weights it needs for a row's shape, and its nodes. */
import type * as z from 'zod';
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Random } from '../../tensor/random.ts';
import { sizeOf } from '../../tensor/shape.ts';

/** The shape of one row within the network. */
export type RowShape = readonly number[];

export interface WeightPlan {
  readonly shape: readonly number[];
  /** The first values, as many as the shape has elements. */
  initialize(random: Random): Float32Array;
}

export interface LayerPlan {
  readonly output: RowShape;
  readonly weights?: Readonly<Record<string, WeightPlan>>;
  /** Values that training keeps without a gradient, such as running means; in inference they are as weights. */
  readonly buffers?: Readonly<Record<string, WeightPlan>>;
}

export interface LayerInputs {
  /** Weights and buffers, by the names of the plan. */
  readonly weights: Readonly<Record<string, Value>>;
  /** In training: takes the new value of a buffer. */
  readonly keep?: ((buffer: string, value: Value) => void) | undefined;
  /** What an earlier layer gave, by its name. */
  readonly outputOf: (layer: string) => Value;
  /** In training: a seed that differs by step and layer. */
  readonly seed?: Value | undefined;
  /** 1 at the steps that count and 0 at those to skip, where a layer before gives a mask. */
  readonly mask?: Value | undefined;
}

/** The formatted shape of a row, `[batch, ...]` as Keras shows it. */
export type FormatRow = (shape: RowShape) => string;

/** What an earlier layer gives, by its name; undefined where there is none. */
export type ShapeOf = (layer: string) => RowShape | undefined;

export interface LayerKind<C> {
  readonly schema: z.ZodType<C>;
  /** What the layer makes of rows of this shape, or why it cannot. */
  plan(config: C, input: RowShape, shapeOf?: ShapeOf): LayerPlan | string;
  build(g: GraphBuilder, x: Value, config: C, inputs: LayerInputs): Value;
  /** The mask for the layers that follow. */
  mask?(g: GraphBuilder, x: Value, config: C): Value | undefined;
  /** The earlier layer whose output this one takes besides its input. */
  recalls?(config: C): string;
  /** A relu before this layer may be applied after it: the same function, on fewer elements. */
  readonly commutesWithRelu?: boolean;
  /** No step sees a later one; a layer that says nothing looks at no other step. */
  isCausal?(config: C): boolean;
  /** The parameter `activation` is applied inside the layer. */
  readonly hasOwnActivation?: boolean;
}

/** The layers that a family offers. */
export interface LayerTable {
  readonly kinds: Readonly<Record<string, LayerKind<unknown>>>;
  /** Layers that are still to come: refused by name. */
  readonly coming: readonly string[];
  readonly formatRow: FormatRow;
}

/** Types a layer by its schema, and forgets the type. */
export function layer<C>(kind: LayerKind<C>): LayerKind<unknown> {
  return kind;
}

/** A layer with its parameters checked and their defaults filled in. */
export interface LayerSpec {
  readonly kind: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** Uniform within sqrt(6 / (fan in + fan out)), by X. Glorot and Y. Bengio (2010). */
export function glorotUniform(shape: readonly number[], fans: { fanIn: number; fanOut: number }): WeightPlan {
  const limit = Math.sqrt(6 / (fans.fanIn + fans.fanOut));
  return { shape, initialize: (random) => random.uniform(sizeOf(shape), -limit, limit) };
}

/** Uniform within 0.05, as Keras's embeddings begin. */
export function smallUniform(shape: readonly number[]): WeightPlan {
  return { shape, initialize: (random) => random.uniform(sizeOf(shape), -0.05, 0.05) };
}

export function zeroWeights(shape: readonly number[]): WeightPlan {
  return { shape, initialize: () => new Float32Array(sizeOf(shape)) };
}

export function oneWeights(shape: readonly number[]): WeightPlan {
  return { shape, initialize: () => new Float32Array(sizeOf(shape)).fill(1) };
}
