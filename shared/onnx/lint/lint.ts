/**
 * The report on a model that a stranger uploaded, from its bytes alone: what is in it, and every reason not to run it. Nothing
 * of ONNX Runtime takes part, and nothing outside of the bytes is read.
 */
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from '../schema/onnx-ml_pb.js';
import type { ModelProto, ValueInfoProto } from '../schema/onnx-ml_pb.js';
import { CHECKS } from './checks.ts';
import type { CheckName } from './checks.ts';
import { workHangsOnData } from './data-work.ts';
import { ELEMENT_TYPES } from './element-types.ts';
import { estimatedMemoryBytes } from './file-checks.ts';
import { LINT_LIMITS } from './limits.ts';
import { domainOf } from './operators.ts';
import { scanFile } from './scan.ts';
import { shorten, subjectOf } from './subject.ts';
import type { Subject } from './subject.ts';

export interface LintFinding {
  readonly check: CheckName;
  readonly message: string;
  readonly node?: string;
}

export interface LintTensor {
  readonly name: string;
  readonly type: string;
  /** -1 is a variable dimension. */
  readonly shape: readonly number[];
}

export interface LintReport {
  readonly bytes: number;
  readonly findings: readonly LintFinding[];
  /** Of a file that could be read. */
  readonly content?: LintContent;
}

export interface LintContent {
  readonly ir_version: number;
  readonly opsets: Readonly<Record<string, number>>;
  readonly producer: string;
  readonly nodes: number;
  /** Operator -> how often. */
  readonly ops: Readonly<Record<string, number>>;
  readonly inputs: readonly LintTensor[];
  readonly outputs: readonly LintTensor[];
  readonly estimated_memory_bytes: number;
  /** How much it does hangs on the values that it is given, and not on their shapes alone. */
  readonly work_hangs_on_data: boolean;
}

/** Findings that a report lists of one check; a record in the catalog holds 400 KB. */
const MAX_OF_A_CHECK = 10;
const MAX_OPS = 300;
const MAX_TENSORS = 64;

export function lintModel(bytes: Uint8Array): LintReport {
  const refuse = (message: string): LintReport => ({ bytes: bytes.length, findings: [{ check: 'file', message }] });
  if (bytes.length > LINT_LIMITS.fileBytes)
    return refuse(`the file has ${bytes.length} bytes: expected at most ${LINT_LIMITS.fileBytes}`);
  const unreadable = scanFile(bytes);
  if (unreadable !== undefined) return refuse(unreadable);
  const model = read(bytes);
  if (model === undefined) return refuse('the bytes are no ONNX file: they are no valid protobuf');
  const subject = subjectOf(model, bytes.length);
  return { bytes: bytes.length, findings: findingsOf(subject), content: contentOf(subject) };
}

function read(bytes: Uint8Array): ModelProto | undefined {
  try {
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch {
    return undefined;
  }
}

function findingsOf(subject: Subject): LintFinding[] {
  return Object.entries(CHECKS).flatMap(([check, run]) => {
    const found = run(subject);
    const listed = found.slice(0, MAX_OF_A_CHECK).map((one) => ({ check: check as CheckName, ...one }));
    const more = found.length - listed.length;
    return more === 0 ? listed : [...listed, { check: check as CheckName, message: `and ${more} more of this kind` }];
  });
}

function contentOf(subject: Subject): LintContent {
  const { model, graphs } = subject;
  const nodes = graphs.flatMap(({ graph }) => graph.node);
  const counts = Map.groupBy(nodes, ({ domain, opType }) => {
    const own = domainOf(domain);
    return shorten(own === '' ? opType : `${own}:${opType}`);
  });
  const stored = new Set(model.graph?.initializer.map(({ name }) => name));
  const ops = [...counts].slice(0, MAX_OPS).map(([op, all]) => [op, all.length] as const);
  return {
    ir_version: Number(model.irVersion),
    opsets: Object.fromEntries(
      model.opsetImport
        .slice(0, MAX_TENSORS)
        .map(({ domain, version }) => [shorten(domainOf(domain)), Number(version)]),
    ),
    producer: shorten(`${model.producerName} ${model.producerVersion}`.trim()),
    nodes: nodes.length,
    ops: Object.fromEntries(ops.toSorted(([a], [b]) => (a < b ? -1 : 1))),
    inputs: (model.graph?.input ?? [])
      .filter(({ name }) => !stored.has(name))
      .slice(0, MAX_TENSORS)
      .map(tensorOf),
    outputs: (model.graph?.output ?? []).slice(0, MAX_TENSORS).map(tensorOf),
    estimated_memory_bytes: estimatedMemoryBytes(subject),
    work_hangs_on_data: workHangsOnData(subject),
  };
}

function tensorOf({ name, type }: ValueInfoProto): LintTensor {
  if (type?.value.case !== 'tensorType') return { name: shorten(name), type: type?.value.case ?? 'unknown', shape: [] };
  const { elemType, shape } = type.value.value;
  return {
    name: shorten(name),
    type: ELEMENT_TYPES.get(elemType)?.name ?? `type ${elemType}`,
    shape: (shape?.dim ?? [])
      .slice(0, LINT_LIMITS.rank)
      .map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : -1)),
  };
}
