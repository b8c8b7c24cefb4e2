/**
 * An ONNX model as plain data, values named by strings: what the protobuf reader yields and the writer takes.
 * Source: https://github.com/onnx/onnx/blob/main/docs/IR.md.
 */
import type { DType } from '../tensor/dtype.ts';
import type { Shape } from '../tensor/shape.ts';
import type { HostTensor } from '../tensor/tensor.ts';

/**
 * A node's attribute. A bare number is an INT and a bare list is INTS or STRINGS; floats say so, because ONNX tells 1 from 1.0.
 * G is how a nested graph is held.
 */
export type Attribute<G> =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly tensor: HostTensor }
  | { readonly graph: G };

export type Attributes<G> = Readonly<Record<string, Attribute<G>>>;

/** Name and, where the file states it and it is a tensor, type of a value. */
export interface ValueDef {
  readonly name: string;
  readonly dtype?: DType;
  readonly shape?: Shape;
}

export interface NodeDef {
  readonly name: string;
  readonly opType: string;
  /** '' is the default domain. */
  readonly domain: string;
  /** '' stands for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes<GraphDef>;
}

export interface GraphDef {
  readonly name: string;
  readonly nodes: readonly NodeDef[];
  readonly inputs: readonly ValueDef[];
  readonly outputs: readonly ValueDef[];
  readonly initializers: ReadonlyMap<string, HostTensor>;
}

export interface ModelDef {
  readonly graph: GraphDef;
  readonly irVersion: number;
  /** Domain -> version. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
}
