/** Rows of a table -> feeds of a graph -> the encoded array that a family learns from, in blocks. */
import type { Engine, Session } from '../onnx/engine.ts';
import { GraphBuilder, toModel } from '../onnx/graph-builder.ts';
import type { Value } from '../onnx/graph.ts';
import { ARRAYS } from '../tensor/dtype.ts';
import { ServiceError } from '../errors.ts';
import { formatShape, sameShape, sizeOf, staticShape } from '../tensor/shape.ts';
import type { Shape } from '../tensor/shape.ts';
import { tensor } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import { columnOf } from './columns.ts';
import { emitInputs } from './encoding-graph.ts';
import { PIXEL_DIVISOR } from './encoding.ts';
import type { Encoding } from './encoding.ts';
import type { Column, Table } from './table.ts';
import { textAt, textFeed } from './text.ts';

/** From the encodings' inputs to what a family learns from: [batch, ...]. The elements of a tensor it may move, and does not change. */
export type EmitFeatures = (
  g: GraphBuilder,
  encodings: readonly Encoding[],
  inputs: ReadonlyMap<string, Value>,
) => Value;

/** An encoded array, first axis the rows. Pixels stay bytes, a quarter of their size: `scaledFeatures` has them as the numbers they stand for. */
export type Features = HostTensor<FeatureDType>;
export type FeatureDType = 'float32' | 'float64' | 'uint8';

/** Values of a block: rows are independent of each other, so its size changes no result. */
const BLOCK_VALUES = 1 << 20;

/** The graph's inputs for some rows of the table. */
export function featureFeeds(
  table: Table,
  encodings: readonly Encoding[],
  rows: Int32Array,
): Record<string, HostTensor> {
  return Object.fromEntries(
    encodings.map((encoding) => [encoding.name, feedOf(columnOf(table, encoding.name), encoding, rows)]),
  );
}

interface Encoded {
  readonly encodings: readonly Encoding[];
  readonly emit: EmitFeatures;
}

/** Runs the encoding nodes over rows of a table. */
export async function encodeFeatures(
  engine: Engine,
  data: { readonly table: Table; readonly rows: Int32Array; readonly encodings: readonly Encoding[] },
  emit: EmitFeatures,
): Promise<Features> {
  const encoder = await FeatureEncoder.open(engine, { encodings: data.encodings, emit });
  try {
    return await encoder.encode(data.table, data.rows);
  } finally {
    await encoder.release();
  }
}

/** The encoding nodes, for rows of one table or of several with the same columns. */
export class FeatureEncoder {
  readonly #encodings: readonly Encoding[];
  readonly #features: Value;
  readonly #session: Session;

  private constructor(encodings: readonly Encoding[], features: Value, session: Session) {
    this.#encodings = encodings;
    this.#features = features;
    this.#session = session;
  }

  static async open(engine: Engine, { encodings: given, emit }: Encoded): Promise<FeatureEncoder> {
    const g = new GraphBuilder('encode');
    const isPixels = given.every((encoding) => encoding.type === 'tensor' && encoding.divisor === PIXEL_DIVISOR);
    const encodings = isPixels ? given.map((encoding) => ({ ...encoding, divisor: 1 })) : given;
    const emitted = emit(g, encodings, emitInputs(g, encodings));
    const features = isPixels ? g.cast(emitted, 'uint8') : emitted;
    g.output(features, 'features/encoded');
    return new FeatureEncoder(given, features, await engine.createSession(toModel(g)));
  }

  async encode(table: Table, rows: Int32Array): Promise<Features> {
    const encodings = this.#encodings;
    const dtype = this.#features.dtype as FeatureDType;
    const shape = staticShape(closedShape(this.#features, { table, encodings }), 'encoded features');
    const width = sizeOf(shape);
    const result = new ARRAYS[dtype](rows.length * width);
    const block = Math.max(1, Math.floor(BLOCK_VALUES / Math.max(width, 1)));
    for (let begin = 0; begin < rows.length; begin += block) {
      const output = await this.#session.run(featureFeeds(table, encodings, rows.subarray(begin, begin + block)));
      result.set(output['features/encoded']!.data as Float64Array, begin * width);
    }
    return tensor<FeatureDType>(dtype, [rows.length, ...shape], result);
  }

  release(): Promise<void> {
    return this.#session.release();
  }
}

/** The shape of an encoded row; a length that the graph leaves open is that of the table. */
function closedShape({ shape }: Value, { table, encodings }: { table: Table; encodings: readonly Encoding[] }): Shape {
  return shape.slice(1).map((dim) => {
    const column = dim === 'time' ? columnOf(table, encodings[0]!.name) : undefined;
    return column?.type === 'tensor' ? column.shape[0]! : dim;
  });
}

/** Encoded rows within a graph as the exported file would have them: bytes are divided as its first node does. */
export function scaledFeatures(g: GraphBuilder, x: Value): Value {
  return x.dtype === 'uint8' ? g.mul(g.cast(x, 'float32'), g.scalar(1 / PIXEL_DIVISOR)) : x;
}

function feedOf(column: Column, encoding: Encoding, rows: Int32Array): HostTensor {
  const n = rows.length;
  if (encoding.type === 'text' && (column.type === 'text' || column.type === 'category')) {
    const texts = Array.from(rows, (row) => textAt(column, row));
    return textFeed(texts, encoding);
  }
  switch (column.type) {
    case 'category':
      return tensor(
        'string',
        [n, 1],
        Array.from(rows, (row) => column.categories[column.values[row]!] ?? ''),
      );
    case 'boolean':
    case 'number':
    case 'integer':
    case 'datetime': {
      const data = new Float64Array(n);
      // Several times as fast as Float64Array.from, in passes over data that memory does not hold the larger part of the time.
      for (let i = 0; i < n; i++) data[i] = column.values[rows[i]!]!;
      return tensor('float64', [n, 1], column.type === 'boolean' ? data.map((bit) => (bit === 255 ? NaN : bit)) : data);
    }
    case 'tensor': {
      requireSameShape(column, encoding);
      const width = sizeOf(column.shape);
      const data = new Float32Array(n * width);
      rows.forEach((row, i) => data.set(column.values.subarray(row * width, (row + 1) * width), i * width));
      return tensor('float32', [n, ...column.shape], data);
    }
    default:
      throw new TypeError(`feature "${encoding.name}": no encoding for a ${column.type} column`);
  }
}

/** A validation dataset may have rows of another shape than the training's; of sequences only the length may differ. */
function requireSameShape({ name, shape, isRagged = false }: Column & { type: 'tensor' }, encoding: Encoding): void {
  const expected = encoding.type === 'tensor' ? encoding : { shape: [], isRagged: false };
  const from = expected.isRagged === true ? 1 : 0;
  if (sameShape(shape.slice(from), expected.shape.slice(from)) && (from === 1 || !isRagged)) return;
  const got = isRagged ? `sequences of up to ${shape[0]!} steps` : formatShape(shape);
  const message = `"${name}": expected rows of shape ${formatShape(expected.shape)}, as in training, got ${got}`;
  throw new ServiceError('invalid_request', message, { param: '/validation' });
}
