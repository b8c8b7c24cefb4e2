/**
 * A model that was not trained here: its graph's own tensors are all that is known of it. As a prediction an instance is an object
 * of its inputs, each without the batch axis, and an answer one of its outputs.
 */
import { ServiceError } from '../errors.ts';
import { shapeOfNested } from '../data/nested-array.ts';
import { readSignature } from '../onnx/read-signature.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import { datatypeOf } from './open-inference/datatypes.ts';
import { feedsOfInputs } from './open-inference/inputs.ts';
import type { RequestInput } from './open-inference/inputs.ts';
import { Lengths } from './lengths.ts';
import type { Measured } from './lengths.ts';
import { Pace } from './pace.ts';
import { runRefusing, sizeInMemory } from './predictor.ts';
import type { ServedModel } from './predictor.ts';
import { createSession } from './session.ts';
import { tensorSpec } from './tensor-spec.ts';
import type { TensorSpec } from './tensor-spec.ts';

/** Rows of one run, which nothing interrupts. */
const BLOCK_ROWS = 256;

/**
 * Loads a model that has passed the checks, from its bytes or its file.
 * @param options.trial what it took of one row
 * @param options.hangsOnData whether values may decide how long a run takes
 */
export async function loadForeignModel(
  model: Uint8Array | string,
  {
    trial,
    hangsOnData = false,
    ...options
  }: { readonly threads: number; readonly trial?: Measured | undefined; readonly hangsOnData?: boolean | undefined },
): Promise<ServedModel> {
  const { graph } = readSignature(model);
  const session = await createSession(model, options);
  const sizeBytes = await sizeInMemory(model);
  const inputs = graph.inputs.flatMap(tensorSpec);
  const outputs = graph.outputs.flatMap(tensorSpec);
  const run: ServedModel['run'] = (feeds, fetches) => runRefusing(session, feeds, fetches);
  const pace = new Pace(trial?.ms);
  const isOpen = hangsOnData || trial === undefined || inputs.some(({ shape }) => shape.slice(1).some(isVariable));
  return {
    inputs,
    outputs,
    sizeBytes,
    lengths: isOpen ? new Lengths({ first: trial, isForeseeable: !hangsOnData }) : undefined,
    async predict(instances, parameters, interruption) {
      if (parameters !== undefined)
        throw refuse('/parameters', '"parameters" are for language models of your own training');
      requireBatch(inputs);
      const names = outputs.map(({ name }) => name);
      const answers: unknown[] = [];
      const runBlock = async (begin: number, end: number): Promise<void> => {
        const block = instances.slice(begin, end);
        const feeds = feedsOfInstances(inputs, block, begin);
        for (const [i, answer] of rowsOf(await run(feeds, names), block.length).entries()) answers[begin + i] = answer;
      };
      await pace.inBlocks(runBlock, { count: instances.length, most: BLOCK_ROWS, interruption });
      return answers;
    },
    run,
    release: () => session.release(),
  };
}

function isVariable(dim: TensorSpec['shape'][number]): boolean {
  return typeof dim !== 'number';
}

/** Instances are stacked along the first axis, which has to be open in every input. */
function requireBatch(inputs: readonly TensorSpec[]): void {
  const fixed = inputs.find(({ shape }) => shape.length === 0 || typeof shape[0] === 'number');
  if (fixed === undefined) return;
  const message = `the input "${fixed.name}" has no batch axis in its first place, so that instances cannot be put together: send its tensors to /v2/models/{name}/infer`;
  throw refuse('/instances', message);
}

/** @param first index of the first instance, for messages */
function feedsOfInstances(
  inputs: readonly TensorSpec[],
  instances: readonly unknown[],
  first: number,
): ReturnType<typeof feedsOfInputs> {
  const feedsOf = (rows: readonly unknown[], index: number) =>
    feedsOfInputs(requestInputs(inputs, rows, index), new Uint8Array(), inputs);
  try {
    return feedsOf(instances, first);
  } catch (error) {
    // The first that cannot be fed by itself is the one to be named.
    for (const [i, instance] of instances.entries()) {
      try {
        feedsOf([instance], first + i);
      } catch (own) {
        throw named(own, inputs, first + i);
      }
    }
    throw error;
  }
}

/** An error of the tensors that were made of an instance, in the words of instances. */
function named(error: unknown, inputs: readonly TensorSpec[], index: number): unknown {
  const input =
    inputs[Number(/^\/inputs\/(\d+)\b/.exec(error instanceof ServiceError ? (error.param ?? '') : '')?.[1])];
  if (!(error instanceof ServiceError) || input === undefined) return error;
  const reason = error.message.replace(/^\/inputs\/\d+(\/\w+)?: /, '');
  const param = `/instances/${index}/${input.name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  return new ServiceError(error.code, `instance ${index}, input "${input.name}": ${reason}`, { param });
}

/** @param first index of the first instance, for messages */
function requestInputs(inputs: readonly TensorSpec[], instances: readonly unknown[], first: number): RequestInput[] {
  const rows = instances.map((instance, i) => fieldsOf(inputs, instance, first + i));
  return inputs.map(({ name, dtype }, column) => {
    const data = rows.map((row) => row[column]);
    return { name, shape: [instances.length, ...shapeOfNested(data[0])], datatype: datatypeOf(dtype), data };
  });
}

function fieldsOf(inputs: readonly TensorSpec[], instance: unknown, index: number): unknown[] {
  const names = inputs.map(({ name }) => name);
  if (typeof instance !== 'object' || instance === null || Array.isArray(instance)) {
    if (names.length === 1) return [instance];
    throw refuse(`/instances/${index}`, `instance ${index}: expected an object with the inputs ${names.join(', ')}`);
  }
  const fields = instance as Readonly<Record<string, unknown>>;
  const wrong = [
    ...names.filter((name) => !Object.hasOwn(fields, name)),
    ...Object.keys(fields).filter((name) => !names.includes(name)),
  ];
  if (wrong.length === 0) return names.map((name) => fields[name]);
  throw refuse(
    `/instances/${index}`,
    `instance ${index}: expected the inputs ${names.join(', ')} and no others, "${wrong[0]!}" is missing or unknown`,
  );
}

/** One answer a row: an object of the outputs, or the bare value of the only one. */
function rowsOf(results: Readonly<Record<string, HostTensor>>, rows: number): unknown[] {
  const outputs = Object.entries(results).map(([name, value]) => {
    if (value.shape[0] === rows) return [name, nested(value)] as const;
    const message = `the output "${name}" is of shape [${value.shape.join(', ')}], which is not one row an instance: send the tensors to /v2/models/{name}/infer`;
    throw refuse('/instances', message);
  });
  return Array.from({ length: rows }, (_, row) => {
    if (outputs.length === 1) return outputs[0]![1][row];
    return Object.fromEntries(outputs.map(([name, all]) => [name, all[row]]));
  });
}

function nested({ dtype, shape, data }: HostTensor): unknown[] {
  const values = dtype === 'float16' ? new Float16Array((data as Uint16Array<ArrayBuffer>).slice().buffer) : data;
  const plain = Array.from(values as ArrayLike<unknown>, (value) => {
    if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    // JSON has no words for them.
    if (typeof value === 'number' && !Number.isFinite(value)) return null;
    return dtype === 'bool' ? value === 1 : value;
  });
  return shape
    .slice(1)
    .reduceRight<unknown[]>(
      (flat, size) =>
        Array.from({ length: flat.length / Math.max(1, size) }, (_, i) => flat.slice(i * size, (i + 1) * size)),
      plain,
    );
}

function refuse(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param });
}
