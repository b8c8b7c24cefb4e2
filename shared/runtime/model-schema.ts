/**
 * What an exported model says of itself, as JSON under `tenon.schema` in the ONNX file's metadata: enough to predict from the
 * file alone.
 */
import type { Encoding } from '../data/encoding.ts';
import type { Label } from '../data/target.ts';
import type { TokenKind } from '../data/text.ts';
import { ServiceError } from '../errors.ts';
import type { OutputName, Task } from '../families/contract.ts';
import type { Language } from './generation.ts';

export const SCHEMA_KEY = 'tenon.schema';

/** An input of the model. */
export interface FeatureSchema {
  readonly name: string;
  readonly type: Encoding['type'];
  /** A missing value (null) is refused. */
  readonly required: boolean;
  /** Of a tensor; -1 stands for any length. */
  readonly shape?: readonly number[];
  readonly categories?: readonly string[];
  /** Of a text: what its tokens are, and how many of them count. */
  readonly tokens?: TokenKind;
  readonly length?: number;
}

export interface ModelSchema {
  readonly version: 1;
  readonly family: string;
  readonly task: Task;
  /** Clustering and language modelling have none. */
  readonly target?: string;
  readonly features: readonly FeatureSchema[];
  /** Labels in the order of the probabilities. */
  readonly classes?: readonly Label[];
  /** Where every step has a prediction, its shape [time] or [time, numbers]; -1 stands for any length. */
  readonly steps?: readonly number[];
  /** Of a language model. */
  readonly language?: Language;
  /** The graph's outputs, each with its name in the file. */
  readonly outputs: Readonly<Partial<Record<OutputName, string>>>;
}

export function featureSchema(encoding: Encoding): FeatureSchema {
  const { name, type } = encoding;
  if (type === 'tensor') {
    const { shape, isRagged = false } = encoding;
    return { name, type, required: true, shape: isRagged ? shape.with(0, -1) : shape };
  }
  if (type === 'text') {
    const { required, tokens, length } = encoding;
    return { name, type, required, tokens, length };
  }
  const required = encoding.fill === null;
  return type === 'category' ? { name, type, required, categories: encoding.categories } : { name, type, required };
}

/** What a language model's text was encoded by; its rows hold one token more than the context. */
export function languageOf(encodings: readonly Encoding[]): Language {
  const text = encodings.find((encoding) => encoding.type === 'text')!;
  return { tokens: text.tokens, window: text.length - 1, vocabulary: ['', '\uFFFD', ...text.vocabulary] };
}

/** An output's name in the file, kept apart from features of the same name. */
export function outputName(name: OutputName, features: readonly string[]): string {
  return features.includes(name) ? `${name}_output` : name;
}

/** @throws invalid_request when the file has no schema of ours. */
export function readSchema(metadata: Readonly<Record<string, string>>): ModelSchema {
  const text = metadata[SCHEMA_KEY];
  if (text === undefined)
    throw new ServiceError(
      'invalid_request',
      `the ONNX file has no "${SCHEMA_KEY}" in its metadata: it was not exported by Tenon`,
    );
  return JSON.parse(text) as ModelSchema;
}
