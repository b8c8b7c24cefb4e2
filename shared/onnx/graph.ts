/**
 * A graph under construction: typed values, nodes with scoped names, initializers, nested graphs. It knows no op; those are in `ops/` and
 * `GraphBuilder` binds them. Whatever no output needs is left out of the file.
 */
import { ShapeError } from '../errors.ts';
import type { DType } from '../tensor/dtype.ts';
import { formatShape, sizeOf } from '../tensor/shape.ts';
import type { Shape } from '../tensor/shape.ts';
import { fromNumbers, scalar } from '../tensor/tensor.ts';
import type { HostTensor, NumericDType } from '../tensor/tensor.ts';
import type { Attributes } from './model.ts';

export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A value of a graph: an input, an initializer or the output of a node. */
export interface Value extends TensorType {
  readonly name: string;
  /** The elements, where they are known when the graph is built. */
  readonly constant?: HostTensor;
}

export interface GraphNode {
  readonly name: string;
  readonly opType: string;
  /** '' is the default domain. */
  readonly domain: string;
  /** undefined stands for an optional input that is left out. */
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes<Graph>;
}

/** A constant of at most this many elements is stored once per graph. */
const SHARED_CONSTANT_ELEMENTS = 16;

export class Graph {
  readonly name: string;
  /** The graph around this one, whose values its nodes may use. */
  readonly parent: Graph | undefined;
  readonly nodes: GraphNode[] = [];
  readonly inputs: Value[] = [];
  readonly outputs: { readonly name: string; readonly value: Value }[] = [];
  readonly initializers = new Map<Value, HostTensor>();
  /** Every name in use, with the number that the next of its kind begins at. */
  readonly #names: Map<string, number>;
  readonly #scopes: string[] = [];
  readonly #constants = new Map<string, Value>();
  readonly #producers = new Map<Value, GraphNode>();

  constructor(name = 'graph', parent?: Graph) {
    this.name = name;
    this.parent = parent;
    // Names are unique over nested graphs too, so that a name always means one value.
    this.#names = parent ? parent.#names : new Map<string, number>();
  }

  /** A value fed at every run; a dimension may be a name such as `'batch'`. The name is kept as given. */
  input(name: string, dtype: DType, shape: Shape): Value {
    const value = { name: this.#claim(name), dtype, shape };
    this.inputs.push(value);
    return value;
  }

  /** A value stored in the file under a name kept as given. */
  initializer(name: string, tensor: HostTensor): Value {
    return this.#store(this.#claim(name), tensor);
  }

  /** A value stored in the file under a name of its own; small equal ones are stored once. */
  constant(tensor: HostTensor): Value {
    if (tensor.data.length > SHARED_CONSTANT_ELEMENTS)
      return this.#store(this.#claim(this.freeName('constant')), tensor);
    const key = `${tensor.dtype}${formatShape(tensor.shape)}${Array.from<unknown>(tensor.data).map(constantKey).join('\n')}`;
    let value = this.#constants.get(key);
    if (value === undefined) {
      value = this.#store(this.#claim(this.freeName('constant')), tensor);
      this.#constants.set(key, value);
    }
    return value;
  }

  /** A constant of no dimensions. */
  scalar(value: number, dtype: NumericDType = 'float32'): Value {
    return this.constant(scalar(dtype, value));
  }

  /** A constant list of int64, as axes and shapes are. */
  ints(values: readonly number[]): Value {
    return this.constant(fromNumbers('int64', values));
  }

  /** Makes a value an output of the graph under a name kept as given. */
  output(value: Value, name: string): void {
    if (value.name !== name) this.#claim(name);
    else if (this.inputs.includes(value))
      throw new TypeError(`output '${name}': expected another name than the input's`);
    this.outputs.push({ name, value });
  }

  /** Runs `build` with names prefixed `scope/`, as in `dense_2/Gemm`. */
  scope<T>(scope: string, build: () => T): T {
    this.#scopes.push(scope);
    try {
      return build();
    } finally {
      this.#scopes.pop();
    }
  }

  /**
   * Appends any node. `opType` is `Gemm`, or `domain:Op` outside the default domain; `outputs` are the types of what it yields. Op methods are
   * this plus inference of the types.
   */
  node(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes<Graph>,
    outputs: readonly TensorType[],
  ): Value[] {
    const [op = '', domain = ''] = opType.split(':').toReversed();
    for (const value of inputs) if (value) this.#requireOwn(value, op);
    const name = this.#claim(this.freeName(op));
    const values = outputs.map(({ dtype, shape }, i) => ({ name: i === 0 ? name : `${name}:${i}`, dtype, shape }));
    const node = { name, opType: op, domain, inputs, outputs: values, attributes };
    this.nodes.push(node);
    for (const value of values) this.#producers.set(value, node);
    return values;
  }

  /** `node` for the many ops with one output. */
  emit(
    opType: string,
    inputs: readonly (Value | undefined)[],
    type: TensorType,
    attributes: Attributes<Graph> = {},
  ): Value {
    return this.node(opType, inputs, attributes, [type])[0]!;
  }

  /** The node of this graph that yields the value, or undefined for inputs, initializers and outer values. */
  producerOf(value: Value): GraphNode | undefined {
    return this.#producers.get(value);
  }

  /** Does the value belong to this graph or to one around it? */
  owns(value: Value): boolean {
    return (
      this.#producers.has(value) ||
      this.initializers.has(value) ||
      this.inputs.includes(value) ||
      (this.parent?.owns(value) ?? false)
    );
  }

  /** A ShapeError that names the node which the op would become. */
  mismatch(opType: string, expected: string, got: readonly (Value | undefined)[] | string): ShapeError {
    const described =
      typeof got === 'string' ? got : got.map((value) => (value ? describe(value) : 'nothing')).join(', ');
    return new ShapeError(`${[...this.#scopes, opType].join('/')}: expected ${expected}, got ${described}`);
  }

  /** A name under the current scope that nothing has yet. */
  freeName(base: string): string {
    const scoped = [...this.#scopes, base].join('/');
    if (!this.#names.has(scoped)) return scoped;
    let count = this.#names.get(scoped)!;
    while (this.#names.has(`${scoped}_${count}`)) count++;
    this.#names.set(scoped, count + 1);
    return `${scoped}_${count}`;
  }

  #claim(name: string): string {
    if (this.#names.has(name)) throw new TypeError(`a value named '${name}' exists already`);
    this.#names.set(name, 1);
    return name;
  }

  #store(name: string, tensor: HostTensor): Value {
    const value = { name, dtype: tensor.dtype, shape: tensor.shape, constant: tensor };
    this.initializers.set(value, tensor);
    return value;
  }

  #requireOwn(value: Value, op: string): void {
    if (!this.owns(value)) throw new TypeError(`${op}: the value '${value.name}' belongs to another graph`);
  }
}

/** `float32[32, 10] 'dense/Gemm'`, for messages. */
export const describe = ({ name, dtype, shape }: Value): string => `${dtype}${formatShape(shape)} '${name}'`;

/** Elements of a value of static shape. @throws {ShapeError} naming the value otherwise. */
export function elementsOf(value: Value): number {
  if (value.shape.every((dim) => typeof dim === 'number')) return sizeOf(value.shape);
  throw new ShapeError(`'${value.name}': expected a static shape, got ${formatShape(value.shape)}`);
}

/** Quoted, so that strings with line breaks stay apart; -0 and 0 are different constants. */
const constantKey = (element: unknown): string => (Object.is(element, -0) ? '-0' : JSON.stringify(String(element)));
