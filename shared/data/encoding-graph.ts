/**
 * Encodings as ONNX nodes. The same nodes make the training matrix (feature-matrix.ts runs them over the table) and stand
 * at the head of the exported file, so that trainer and export cannot differ.
 * Inputs: number, integer and boolean features float64 [batch, 1] (NaN is missing), datetimes the same in seconds since the epoch,
 * categories string [batch, 1] ('' is missing), tensors float32 [batch, ...shape] in the scale of the data (sequences of any length: [batch, time, ...],
 * NaN after their ends), text as text-graph.ts says.
 */
import type { Value } from '../onnx/graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import type { Shape } from '../tensor/shape.ts';
import { fromNumbers, tensor } from '../tensor/tensor.ts';
import { dateColumns, emitDates } from './datetime-graph.ts';
import { widthOf } from './encoding.ts';
import type { Encoding } from './encoding.ts';
import { emitTextInput } from './text-graph.ts';

type NumberEncoding = Encoding & { type: 'number' | 'integer' | 'boolean' };
type CategoryEncoding = Encoding & { type: 'category' };
type DateEncoding = Encoding & { type: 'datetime' };
type TensorEncoding = Encoding & { type: 'tensor' };

/** The graph's inputs, one per feature, under the features' names. */
export function emitInputs(g: GraphBuilder, encodings: readonly Encoding[]): Map<string, Value> {
  return new Map(
    encodings.map((encoding) => {
      const { name, type } = encoding;
      if (type === 'category') return [name, g.input(name, 'string', ['batch', 1])];
      if (type === 'text') return [name, emitTextInput(g, encoding)];
      if (type === 'tensor') return [name, g.input(name, 'float32', ['batch', ...openShape(encoding)])];
      return [name, g.input(name, 'float64', ['batch', 1])];
    }),
  );
}

/** The shape of a row in the graph, where the length of a ragged one is open. */
function openShape({ shape, isRagged = false }: TensorEncoding): Shape {
  return isRagged ? ['time', ...shape.slice(1)] : shape;
}

/** The names of the matrix's columns: numbers first, then dates, then one per category, in the order of the features. */
export function matrixColumns(encodings: readonly Encoding[]): string[] {
  const numbers = encodings.filter(isNumber).map(({ name }) => name);
  const categories = encodings.filter((encoding) => encoding.type === 'category');
  return [
    ...numbers,
    ...encodings.filter(isDate).flatMap(({ name, cycles }) => dateColumns(name, cycles)),
    ...categories.flatMap(({ name, categories: values }) => values.map((value) => `${name}=${value}`)),
  ];
}

/** The features as one float64 matrix [batch, width]; tensors are not for matrices. */
export function emitMatrix(g: GraphBuilder, encodings: readonly Encoding[], inputs: ReadonlyMap<string, Value>): Value {
  const numbers = encodings.filter(isNumber);
  const categories = encodings.filter((encoding) => encoding.type === 'category');
  const parts = g.scope('encode', () => [
    ...(numbers.length === 0 ? [] : [emitNumbers(g, numbers, inputs)]),
    ...encodings.filter(isDate).map((date) => emitDates(g, filledDate(g, date, inputs.get(date.name)!), date)),
    ...categories.map((encoding) => emitCategories(g, encoding, inputs.get(encoding.name)!)),
  ]);
  return parts.length === 1 ? parts[0]! : g.concat(parts, 1);
}

/** One tensor feature, scaled: float32 [batch, ...shape]. */
export function emitTensor(g: GraphBuilder, encoding: TensorEncoding, inputs: ReadonlyMap<string, Value>): Value {
  const input = inputs.get(encoding.name)!;
  return encoding.divisor === 1 ? input : g.scope('encode', () => g.mul(input, g.scalar(1 / encoding.divisor)));
}

function isNumber(encoding: Encoding): encoding is NumberEncoding {
  return encoding.type === 'number' || encoding.type === 'integer' || encoding.type === 'boolean';
}

function isDate(encoding: Encoding): encoding is DateEncoding {
  return encoding.type === 'datetime';
}

function filledDate(g: GraphBuilder, { fill }: DateEncoding, seconds: Value): Value {
  return fill === null ? seconds : g.where(g.isNaN(seconds), g.scalar(fill, 'float64'), seconds);
}

function emitNumbers(g: GraphBuilder, encodings: readonly NumberEncoding[], inputs: ReadonlyMap<string, Value>): Value {
  const row = (pick: (encoding: NumberEncoding) => number): Value =>
    g.constant(fromNumbers('float64', encodings.map(pick), [1, encodings.length]));
  const columns = encodings.map(({ name }) => inputs.get(name)!);
  let x = columns.length === 1 ? columns[0]! : g.concat(columns, 1);
  if (encodings.some(({ fill }) => fill !== null))
    x = g.where(
      g.isNaN(x),
      row(({ fill }) => fill ?? Number.NaN),
      x,
    );
  if (encodings.every(({ mean, scale }) => mean === 0 && scale === 1)) return x;
  return g.div(
    g.sub(
      x,
      row(({ mean }) => mean),
    ),
    row(({ scale }) => scale),
  );
}

function emitCategories(g: GraphBuilder, encoding: CategoryEncoding, input: Value): Value {
  let x = input;
  if (encoding.fill !== null && encoding.fill !== '') {
    const blank = g.constant(tensor('string', [], ['']));
    x = g.where(g.equal(x, blank), g.constant(tensor('string', [], [encoding.fill])), x);
  }
  const width = widthOf(encoding);
  const ones = g.oneHotEncoder(x, { strings: encoding.categories });
  return g.cast(g.reshape(ones, ['batch', width]), 'float64');
}
