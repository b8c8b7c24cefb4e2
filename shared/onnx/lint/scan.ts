/**
 * A walk over the bytes of an ONNX file before anything is made of them: how deep its messages lie within each other, how many
 * there are, and how many numbers would become objects of JavaScript. It allocates nothing, so that no file is too much for it.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { ModelProtoSchema } from '../schema/onnx-ml_pb.js';
import { LINT_LIMITS } from './limits.ts';

interface Walk {
  readonly reader: BinaryReader;
  readonly bytes: Uint8Array;
  messages: number;
  numbers: number;
}

/** @returns what is wrong with the bytes, or undefined for a file that can be read */
export function scanFile(bytes: Uint8Array): string | undefined {
  const walk: Walk = { reader: new BinaryReader(bytes), bytes, messages: 0, numbers: 0 };
  try {
    return scanMessage(walk, { desc: ModelProtoSchema, end: bytes.length, depth: 0 });
  } catch {
    return 'the bytes are no ONNX file: they are no valid protobuf';
  }
}

function scanMessage(walk: Walk, at: { desc: DescMessage; end: number; depth: number }): string | undefined {
  const { reader } = walk;
  if (at.depth > LINT_LIMITS.messageDepth)
    return `its parts lie more than ${LINT_LIMITS.messageDepth} deep within each other`;
  const fields = fieldsOf(at.desc);
  while (reader.pos < at.end) {
    const [number, wire] = reader.tag();
    const field = fields.get(number);
    if (wire === WireType.StartGroup || wire === WireType.EndGroup) return 'it holds groups, which ONNX has none of';
    walk.messages += 1;
    if (walk.messages > LINT_LIMITS.messages * 4) return `it has more than ${LINT_LIMITS.messages * 4} fields`;
    const problem =
      wire === WireType.LengthDelimited
        ? scanSized(walk, field, at)
        : skipNumber(walk, wire, field?.fieldKind === 'list');
    if (problem !== undefined) return problem;
  }
  return reader.pos === at.end ? undefined : 'its parts are longer than what holds them';
}

function scanSized(walk: Walk, field: DescField | undefined, at: { end: number; depth: number }): string | undefined {
  const { reader } = walk;
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > at.end)
    return `it is cut off: a part of ${length} bytes begins ${at.end - reader.pos} bytes before its end`;
  if (field?.message !== undefined) return scanMessage(walk, { desc: field.message, end, depth: at.depth + 1 });
  if (field?.fieldKind === 'list' && field.packed) walk.numbers += packedCount(walk.bytes, reader.pos, end);
  reader.pos = end;
  return tooManyNumbers(walk);
}

function skipNumber(walk: Walk, wire: WireType, isRepeated: boolean): string | undefined {
  walk.reader.skip(wire);
  if (isRepeated) walk.numbers += 1;
  return tooManyNumbers(walk);
}

function tooManyNumbers({ numbers }: Walk): string | undefined {
  if (numbers <= LINT_LIMITS.looseNumbers) return undefined;
  return `it holds more than ${LINT_LIMITS.looseNumbers} numbers outside of raw_data: save it again with a current version of onnx`;
}

/** Varints end at the byte without the high bit; of numbers of a fixed size this counts too many, which does no harm. */
function packedCount(bytes: Uint8Array, begin: number, end: number): number {
  let count = 0;
  for (let at = begin; at < end; at++) count += bytes[at]! < 128 ? 1 : 0;
  return count;
}

const known = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>();

function fieldsOf(desc: DescMessage): ReadonlyMap<number, DescField> {
  const fields = known.get(desc) ?? new Map(desc.fields.map((field) => [field.number, field]));
  known.set(desc, fields);
  return fields;
}
