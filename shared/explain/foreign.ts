/**
 * What can be said of a model that was not trained here from its tensors alone, in the words of a model's schema: every input is a tensor, its numbers the
 * features. Axes may be open: rows have the shapes that they come with.
 */
import { ServiceError } from '../errors.ts';
import { flattenInto, shapeOfNested } from '../data/nested-array.ts';
import type { GraphDef } from '../onnx/model.ts';
import type { FeatureSchema, ModelSchema } from '../runtime/model-schema.ts';
import { tensorSpec } from '../runtime/tensor-spec.ts';
import type { TensorSpec } from '../runtime/tensor-spec.ts';
import { isFloat } from '../tensor/dtype.ts';
import { formatShape, sizeOf } from '../tensor/shape.ts';
import { fromNumbers } from '../tensor/tensor.ts';
import { producerOf } from './graph/producer.ts';
import type { Feeds } from './terms.ts';

/** As the catalog names it. */
export const FOREIGN_FAMILY = 'onnx';

const INPUT_TYPES: ReadonlySet<string> = new Set(['float32', 'float64', 'int32', 'int64']);

/** Classes are numbered from 0. The first output of floats is explained. @throws invalid_request where rows cannot be told apart */
export function foreignSchema(graph: GraphDef): ModelSchema {
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name)).flatMap(tensorSpec);
  const features = inputs.map(featureOf);
  const output = graph.outputs.flatMap(tensorSpec).find(({ dtype, shape }) => isFloat(dtype) && shape.length <= 2);
  if (features.length === 0 || output === undefined)
    throw refused('the model has no inputs, or no output of floats [batch] or [batch, figures]');
  const width = output.shape[1];
  const base = { version: 1, family: FOREIGN_FAMILY, features } as const;
  if (typeof width !== 'number' || width === 1)
    return { ...base, task: 'regression', outputs: { prediction: output.name } };
  const isSoftmax = producerOf(graph, output.name)?.opType === 'Softmax';
  const outputs = isSoftmax ? { probabilities: output.name } : { scores: output.name };
  return { ...base, task: 'classification', classes: Array.from({ length: width }, (_, k) => k), outputs };
}

function featureOf({ name, dtype, shape: [batch, ...rest] }: TensorSpec): FeatureSchema {
  if (!INPUT_TYPES.has(dtype))
    throw refused(`the input "${name}" is ${dtype}: expected ${[...INPUT_TYPES].join(', ')}`);
  if (batch === undefined || typeof batch === 'number')
    throw refused(`the input "${name}" has no open batch axis in its first place, so that rows cannot be put together`);
  return { name, type: 'tensor', required: true, shape: rest.map((size) => (typeof size === 'number' ? size : -1)) };
}

/** An instance as feeds of one row: an object of the inputs, or the bare value of the only one. @throws invalid_request pointing to it */
export function foreignRow(graph: GraphDef, { features }: ModelSchema, instance: unknown, index: number): Feeds {
  const isNamed = typeof instance === 'object' && instance !== null && !Array.isArray(instance);
  const fields = (isNamed || features.length > 1 ? (instance ?? {}) : { [features[0]!.name]: instance }) as Record<
    string,
    unknown
  >;
  const names = features.map(({ name }) => name);
  const unknown = Object.keys(fields).find((key) => !names.includes(key));
  if (unknown !== undefined) {
    const message = `instance ${index}: the model has no input "${unknown}", its inputs are ${names.join(', ')}`;
    throw new ServiceError('unknown_field', message, { param: `/instances/${index}` });
  }
  return Object.fromEntries(
    features.map(({ name, shape: wanted = [] }) => {
      const shape = shapeOfNested(fields[name]);
      const data = new Float32Array(sizeOf(shape));
      const fits = shape.length === wanted.length && wanted.every((size, axis) => size === -1 || size === shape[axis]);
      const problem = fits ? flattenInto(fields[name], shape, data) : `got ${formatShape(shape)}`;
      const param = `/instances/${index}`;
      const expected = `instance ${index}: expected numbers of shape ${formatShape(wanted)} as the input "${name}"`;
      if (problem !== undefined) throw new ServiceError('shape_mismatch', `${expected}, ${problem}`, { param });
      const { dtype } = graph.inputs.find((input) => input.name === name)!;
      if (dtype!.startsWith('int') && !data.every((number) => Number.isInteger(number)))
        throw new ServiceError('invalid_request', `${expected}, whole ones: it is ${dtype}`, { param });
      return [name, fromNumbers(dtype as 'float32', data, [1, ...shape])];
    }),
  );
}

function refused(message: string): ServiceError {
  return new ServiceError('invalid_request', `${message}: it cannot be explained`);
}
