/** A fitted model as one ONNX file: encoding, inference and labels in one graph, its schema in the metadata. */
import { emitInputs } from '../data/encoding-graph.ts';
import type { Label } from '../data/target.ts';
import { inferOutputs } from '../families/contract.ts';
import type { FitState, OutputName } from '../families/contract.ts';
import type { Value } from '../onnx/graph.ts';
import { GraphBuilder, toModel } from '../onnx/graph-builder.ts';
import { tensor } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import { SCHEMA_KEY, featureSchema, languageOf, outputName } from './model-schema.ts';
import type { ModelSchema } from './model-schema.ts';
import type { Preparation } from './preparation.ts';

export function exportGraph(prepared: Preparation, state: FitState): { onnx: Uint8Array; schema: ModelSchema } {
  const { family, task, encodings, model, problem } = prepared;
  const g = new GraphBuilder(family.name);
  const inputs = emitInputs(g, encodings);
  const features = family.emitFeatures(g, encodings, inputs);
  const learned = Object.entries(family.learned(state, model)).map(
    ([name, value]) => [name, g.initializer(`learned/${name}`, value)] as const,
  );
  const inferred = inferOutputs(family, g, features, { learned: Object.fromEntries(learned), model });
  const { target } = problem.train;
  const outputs = (Object.entries(inferred) as [OutputName, Value][]).map(([name, value]) => {
    const inFile = outputName(name, prepared.features);
    if (name === 'label' && target.kind === 'classes')
      g.output(g.gather(g.constant(labelTensor(target.labels)), value), inFile);
    else g.output(name === 'prediction' ? predictions(g, value, model) : value, inFile);
    return [name, inFile] as const;
  });
  const schema: ModelSchema = {
    version: 1,
    family: family.name,
    task,
    ...(prepared.target === undefined ? {} : { target: prepared.target }),
    features: encodings.map(featureSchema),
    ...(model.steps === undefined ? {} : { steps: model.isRagged === true ? model.steps.with(0, -1) : model.steps }),
    ...(target.kind === 'classes' ? { classes: target.labels } : {}),
    ...(task === 'language_modelling' ? { language: languageOf(encodings) } : {}),
    outputs: Object.fromEntries(outputs),
  };
  return { onnx: toModel(g, { metadata: { [SCHEMA_KEY]: JSON.stringify(schema) } }), schema };
}

function predictions(g: GraphBuilder, values: Value, { outputs, steps }: Preparation['model']): Value {
  if (steps !== undefined) return steps.length === 1 ? g.squeeze(values, [2]) : values;
  return outputs === 1 ? g.reshape(values, ['batch']) : values;
}

function labelTensor(labels: readonly Label[]): HostTensor {
  const n = [labels.length];
  if (typeof labels[0] === 'number')
    return tensor(
      'int64',
      n,
      BigInt64Array.from(labels, (label) => BigInt(label as number)),
    );
  if (typeof labels[0] === 'boolean') return tensor('bool', n, Uint8Array.from(labels, Number));
  return tensor('string', n, labels.map(String));
}
