/**
 * Sessions of ONNX Runtime: the only file that loads `onnxruntime-node`. One run blocks the JavaScript thread until it is done.
 * Threads do not spin while they wait: other work shares the virtual cores of a Lambda function.
 */
import { availableParallelism } from 'node:os';

import type { InferenceSession, Tensor } from 'onnxruntime-common';
import type * as ort from 'onnxruntime-node';

import type { Engine, Session, SessionOptions } from '../onnx/engine.ts';
import { tensor } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';

type Ort = typeof ort;

/** ONNX Runtime reads its telemetry switch when it is loaded, so that it is set before, whatever the environment forgot. */
async function loadOrt(): Promise<Ort> {
  process.env['ORT_DISABLE_TELEMETRY'] = '1';
  const runtime = await import('onnxruntime-node');
  useUint16ForFloat16(runtime);
  return runtime;
}

/**
 * onnxruntime-common decides at its first tensor how float16 is held. The binding reads a Float16Array as empty
 * (microsoft/onnxruntime#32323), so that it must not see one then; a Uint16Array of the same bits works, and is what
 * our tensors hold.
 */
function useUint16ForFloat16({ Tensor: OrtTensor }: Ort): void {
  const own = Object.getOwnPropertyDescriptor(globalThis, 'Float16Array');
  if (own === undefined) return;
  Reflect.deleteProperty(globalThis, 'Float16Array');
  try {
    new OrtTensor('float32', new Float32Array(1), [1]);
  } finally {
    Object.defineProperty(globalThis, 'Float16Array', own);
  }
}

let loaded: Promise<Ort> | undefined;

/** Loads the library, if it is not: for a process that will need it, before it is asked for anything. */
export async function loadRuntime(): Promise<void> {
  await (loaded ??= loadOrt());
}

export interface EngineOptions {
  /** Threads per operation; all cores by default. Part of a checkpoint, as results depend on it in the last bits. */
  readonly threads?: number;
}

export function createEngine({ threads = availableParallelism() }: EngineOptions = {}): Engine {
  return { threads, createSession: (model, options) => createSession(model, { threads, ...options }) };
}

/** What every session is made with. */
export function sessionOptions({
  threads,
  hasStoredWeights = true,
}: SessionOptions & { readonly threads: number }): InferenceSession.SessionOptions {
  return {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: hasStoredWeights ? 'all' : 'extended',
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
}

/** A session of a model's bytes or of its file's path. */
export async function createSession(
  model: Uint8Array | string,
  { threads = availableParallelism(), hasStoredWeights = true }: EngineOptions & SessionOptions = {},
): Promise<Session> {
  const runtime = await (loaded ??= loadOrt());
  const options = sessionOptions({ threads, hasStoredWeights });
  const session =
    typeof model === 'string'
      ? await runtime.InferenceSession.create(model, options)
      : await runtime.InferenceSession.create(model, options);
  return wrap(runtime, session);
}

function wrap(runtime: Ort, session: InferenceSession): Session {
  const { inputNames, outputNames } = session;
  return {
    inputs: inputNames,
    outputs: outputNames,
    async run(feeds, fetches = outputNames) {
      requireInputs(inputNames, feeds);
      const inputs = Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, toOrt(runtime, value)]));
      const results = await session.run(inputs, fetches);
      return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, fromOrt(value)]));
    },
    release: () => session.release(),
  };
}

function requireInputs(expected: readonly string[], feeds: Readonly<Record<string, HostTensor>>): void {
  const got = Object.keys(feeds);
  if (got.length === expected.length && expected.every((name) => name in feeds)) return;
  throw new TypeError(`session: expected inputs ${expected.join(', ')}, got ${got.join(', ')}`);
}

function toOrt({ Tensor: OrtTensor }: Ort, value: HostTensor): Tensor {
  if (value.dtype === 'string') return new OrtTensor('string', value.data, value.shape);
  return new OrtTensor(value.dtype as 'float32', value.data as Float32Array, value.shape);
}

function fromOrt(value: Tensor): HostTensor {
  return tensor(value.type as HostTensor['dtype'], value.dims, value.data as Float32Array);
}
