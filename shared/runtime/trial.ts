/** A trial run of a stranger's model: a session of it, and one run on zeros. To be called in a process that may be lost. */
import { readSignature } from '../onnx/read-signature.ts';
import { ARRAYS } from '../tensor/dtype.ts';
import { sizeOf } from '../tensor/shape.ts';
import { tensor } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import { peakMemory } from './peak-memory.ts';
import { createSession } from './session.ts';
import { tensorSpec } from './tensor-spec.ts';
import type { TensorSpec } from './tensor-spec.ts';

export interface TrialReport {
  /** `not_run`: it loads, but none of the shapes that were tried suits it, which is no reason to refuse it. */
  readonly status: 'ran' | 'not_run' | 'failed';
  readonly message?: string;
  /** Of the run: name -> shape. */
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
  readonly outputs?: Readonly<Record<string, readonly number[]>>;
  readonly load_seconds?: number;
  readonly run_seconds?: number;
  /** What loading and running took at its highest. */
  readonly peak_memory_bytes?: number;
}

/** Sizes tried in the place of variable ones: the first of an input is a batch of one, the others are these. */
const SIZES = [1, 32, 64, 256, 512] as const;
const MAX_MESSAGE = 300;

export async function tryModel(bytes: Uint8Array): Promise<TrialReport> {
  const before = peakMemory();
  const peak = (): number => peakMemory() - before;
  const { graph } = readSignature(bytes);
  const inputs = graph.inputs.flatMap(tensorSpec);
  const outputs = graph.outputs.flatMap(tensorSpec).map(({ name }) => name);
  const started = performance.now();
  const session = await createSession(bytes, { threads: 1 }).catch(reasonOf);
  if (typeof session === 'string') return { status: 'failed', message: `ONNX Runtime cannot load it: ${session}` };
  const loadSeconds = secondsSince(started);
  let problem = '';
  for (const size of SIZES) {
    const feeds = Object.fromEntries(inputs.map((input) => [input.name, zerosFor(input, size)]));
    const begin = performance.now();
    const results = await session.run(feeds, outputs).catch(reasonOf);
    if (typeof results !== 'string') {
      return {
        status: 'ran',
        inputs: shapesOf(feeds),
        outputs: shapesOf(results),
        load_seconds: loadSeconds,
        run_seconds: secondsSince(begin),
        peak_memory_bytes: peak(),
      };
    }
    problem = results;
  }
  return { status: 'not_run', message: problem, load_seconds: loadSeconds, peak_memory_bytes: peak() };
}

function zerosFor({ dtype, shape }: TensorSpec, size: number): HostTensor {
  const batch = shape.findIndex((dim) => typeof dim !== 'number');
  const sizes = shape.map((dim, axis) => (typeof dim === 'number' ? dim : axis === batch ? 1 : size));
  const elements = sizeOf(sizes);
  if (dtype === 'string') return tensor('string', sizes, new Array<string>(elements).fill(''));
  return tensor(dtype, sizes, new ARRAYS[dtype](elements));
}

function shapesOf(tensors: Readonly<Record<string, HostTensor>>): Record<string, readonly number[]> {
  return Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unknown';
  // Where the library was built is nobody's business.
  return message.replaceAll(/\/\S*\/onnxruntime\//g, '').slice(0, MAX_MESSAGE) || 'unknown';
}

function secondsSince(startedMs: number): number {
  return Math.round(performance.now() - startedMs) / 1000;
}
