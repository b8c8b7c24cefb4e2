/** A real ONNX file with an input and an output of every data type, each output its input: `int64` -> `int64_out`. */
import { GraphBuilder, toModel } from '../../../shared/onnx/graph-builder.ts';
import type { ModelSchema } from '../../../shared/runtime/model-schema.ts';
import { SCHEMA_KEY } from '../../../shared/runtime/model-schema.ts';
import { DATATYPES } from '../../../shared/runtime/open-inference/datatypes.ts';

export function typesModel(): Uint8Array {
  const g = new GraphBuilder('types');
  for (const [name, dtype] of Object.entries(DATATYPES)) {
    g.output(g.identity(g.input(name.toLowerCase(), dtype, ['batch', 2])), `${name.toLowerCase()}_out`);
  }
  return toModel(g, { metadata: metadata({}) });
}

/** `x` [batch, 4] -> `scores`, of the classes a to d. */
export function scoresModel(): Uint8Array {
  const g = new GraphBuilder('scores');
  g.output(g.identity(g.input('x', 'float32', ['batch', 4])), 'scores');
  return toModel(g, { metadata: metadata({ classes: ['a', 'b', 'c', 'd'], outputs: { scores: 'scores' } }) });
}

function metadata(schema: Partial<ModelSchema>): Record<string, string> {
  const whole: ModelSchema = {
    version: 1,
    family: 'logistic_regression',
    task: 'classification',
    features: [],
    outputs: {},
    ...schema,
  };
  return { [SCHEMA_KEY]: JSON.stringify(whole) };
}
