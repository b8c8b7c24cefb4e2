/**
 * What an ONNX file says of itself and of its inputs and outputs. It reads past the nodes and the weights, whether the file is in
 * memory or on disk, and without the schema of the whole format: this is on the way of every cold prediction.
 * Source: onnx.proto (the field numbers), https://protobuf.dev/programming-guides/encoding/
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

import { UNKNOWN } from '../tensor/shape.ts';
import type { Dim } from '../tensor/shape.ts';
import { dtypeOf } from './data-types.ts';
import type { GraphDef, ModelDef, ValueDef } from './model.ts';

export interface Signature {
  readonly graph: Pick<GraphDef, 'inputs' | 'outputs'>;
  readonly metadata: ModelDef['metadata'];
}

/** Bytes of a file by their place. */
interface Source {
  readonly size: number;
  /** At least `length` bytes from `begin` on, where there are as many. */
  at(begin: number, length: number): Uint8Array;
}

interface Field {
  readonly number: number;
  /** Where its content lies; of a number there is none. */
  readonly begin: number;
  readonly end: number;
  readonly value: number;
}

const [MODEL_GRAPH, MODEL_METADATA] = [7, 14];
const [GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT] = [5, 11, 12];
const TENSOR_NAME = 8;
/** More than a tag and a length or a number take. */
const HEAD_BYTES = 24;
const WINDOW_BYTES = 65_536;

/** @param model the file's bytes or its path. @throws {TypeError} when the bytes are no ONNX model */
export function readSignature(model: Uint8Array | string): Signature {
  if (typeof model !== 'string') return readModel({ size: model.length, at: (begin) => model.subarray(begin) });
  const file = openSync(model, 'r');
  try {
    return readModel(windowOn(file));
  } finally {
    closeSync(file);
  }
}

/** Reads a file in pieces: fields of a graph are small and lie close to each other, weights are passed over. */
function windowOn(file: number): Source {
  let [window, from] = [new Uint8Array(), 0];
  return {
    size: fstatSync(file).size,
    at(begin, length) {
      if (begin < from || begin + length > from + window.length) {
        const bytes = new Uint8Array(Math.max(length, WINDOW_BYTES));
        [window, from] = [bytes.subarray(0, readSync(file, bytes, 0, bytes.length, begin)), begin];
      }
      return window.subarray(begin - from);
    },
  };
}

function readModel(source: Source): Signature {
  const fields = fieldsOf(source);
  const graphs = fields.filter(({ number }) => number === MODEL_GRAPH);
  if (graphs.length === 0) throw new TypeError('not an ONNX model: it holds no graph');
  const parts = graphs.flatMap((graph) => fieldsOf(source, graph));
  const all = (number: number): Field[] => parts.filter((part) => part.number === number);
  const stored = new Set(all(GRAPH_INITIALIZER).map((tensor) => textAt(source, tensor, TENSOR_NAME)));
  const inputs = all(GRAPH_INPUT).map((input) => valueDef(source, input));
  const metadata = fields.filter(({ number }) => number === MODEL_METADATA);
  return {
    graph: {
      inputs: inputs.filter(({ name }) => !stored.has(name)),
      outputs: all(GRAPH_OUTPUT).map((output) => valueDef(source, output)),
    },
    metadata: Object.fromEntries(metadata.map((entry) => [textAt(source, entry, 1), textAt(source, entry, 2)])),
  };
}

/** ValueInfoProto: name 1, type 2; TypeProto: tensor_type 1; TypeProto.Tensor: elem_type 1, shape 2. */
function valueDef(source: Source, at: Field): ValueDef {
  const name = textAt(source, at, 1);
  const tensor = last(source, last(source, at, 2), 1);
  if (tensor === undefined) return { name };
  const dtype = dtypeOf(last(source, tensor, 1)?.value ?? 0);
  const shape = last(source, tensor, 2);
  const dims = shape && fieldsOf(source, shape).filter(({ number }) => number === 1);
  return { name, ...(dtype && { dtype }), ...(dims && { shape: dims.map((dim) => dimOf(source, dim)) }) };
}

/** TensorShapeProto.Dimension: dim_value 1, dim_param 2. */
function dimOf(source: Source, at: Field): Dim {
  const value = last(source, at, 1);
  if (value !== undefined) return value.value;
  return textAt(source, at, 2) || UNKNOWN;
}

function textAt(source: Source, at: Field, number: number): string {
  const field = last(source, at, number);
  if (field === undefined) return '';
  const length = field.end - field.begin;
  return new TextDecoder().decode(source.at(field.begin, length).subarray(0, length));
}

/** Of a field that stands more than once the last counts. */
function last(source: Source, at: Field | undefined, number: number): Field | undefined {
  return at && fieldsOf(source, at).findLast((field) => field.number === number);
}

function fieldsOf(
  source: Source,
  { begin, end }: Pick<Field, 'begin' | 'end'> = { begin: 0, end: source.size },
): Field[] {
  const fields: Field[] = [];
  for (let at = begin; at < end; at = fields.at(-1)!.end) {
    const field = fieldAt(source, at);
    if (field.end > end) throw new TypeError('not an ONNX model: its bytes are no valid protobuf');
    fields.push(field);
  }
  return fields;
}

function fieldAt(source: Source, at: number): Field {
  const head = new BinaryReader(source.at(at, Math.min(HEAD_BYTES, source.size - at)).subarray(0, HEAD_BYTES));
  try {
    const [number, wire] = head.tag();
    if (wire === WireType.LengthDelimited) {
      const length = head.uint32();
      return { number, begin: at + head.pos, end: at + head.pos + length, value: 0 };
    }
    const value = wire === WireType.Varint ? Number(head.int64()) : (head.skip(wire, number), 0);
    return { number, begin: at + head.pos, end: at + head.pos, value };
  } catch (cause) {
    throw new TypeError('not an ONNX model: its bytes are no valid protobuf', { cause });
  }
}
