/** Predictions from an exported ONNX file alone: its metadata say what goes in and what comes out. */
import { readFile } from 'node:fs/promises';
import type { Label } from '../data/target.ts';
import type { Session } from '../onnx/engine.ts';
import { readModel } from '../onnx/read-model.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import { feedsOf } from './instances.ts';
import { readSchema } from './model-schema.ts';
import type { ModelSchema } from './model-schema.ts';
import { createSession } from './session.ts';

export interface ClassPrediction {
  readonly label: Label;
  readonly probabilities: Readonly<Record<string, number>>;
}

export interface Predictor {
  readonly schema: ModelSchema;
  /** Estimated memory of the loaded model. */
  readonly sizeBytes: number;
  /**
   * One answer per instance: {label, probabilities} or a number.
   * @throws invalid_request, unknown_field or shape_mismatch naming instance and feature
   */
  predict(instances: readonly unknown[]): Promise<(ClassPrediction | number)[]>;
  release(): Promise<void>;
}

/** ONNX Runtime keeps the weights, packed copies of them and its own frame. */
const SIZE_FACTOR = 2;
const SESSION_BYTES = 2_000_000;

/** Loads a model from its bytes or its file. */
export async function loadPredictor(
  model: Uint8Array | string,
  options: { readonly threads: number },
): Promise<Predictor> {
  const file = typeof model === 'string' ? await readFile(model) : model;
  // A plain view: a Buffer's slice() would share memory where the reader of ONNX files expects a copy.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  const schema = readSchema(readModel(bytes).metadata);
  const session = await createSession(bytes, options);
  return {
    schema,
    sizeBytes: bytes.length * SIZE_FACTOR + SESSION_BYTES,
    async predict(instances) {
      if (instances.length === 0) return [];
      return answersOf(schema, await runModel(session, schema, instances));
    },
    release: () => session.release(),
  };
}

async function runModel(
  session: Session,
  schema: ModelSchema,
  instances: readonly unknown[],
): Promise<Record<string, HostTensor>> {
  return session.run(feedsOf(schema.features, instances), Object.values(schema.outputs));
}

function answersOf(
  { classes, outputs: names }: ModelSchema,
  outputs: Record<string, HostTensor>,
): (ClassPrediction | number)[] {
  if (classes === undefined) return Array.from(outputs[names['prediction']!]!.data as Float64Array);
  const probabilities = outputs[names['probabilities']!]!.data as Float32Array;
  const keys = classes.map(String);
  return Array.from({ length: probabilities.length / keys.length }, (_, row) => {
    const part = probabilities.subarray(row * keys.length, (row + 1) * keys.length);
    let best = 0;
    part.forEach((value, k) => {
      if (value > part[best]!) best = k;
    });
    return { label: classes[best]!, probabilities: Object.fromEntries(keys.map((key, k) => [key, part[k]!])) };
  });
}
