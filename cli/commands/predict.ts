/** tenon predict: instances from files, stdin or the command line, sent in parts that the service takes. */
import type { Command } from 'commander';
import type { ApiClient } from '../client.ts';
import { UsageError } from '../errors.ts';
import { instancesOfJson, readInstances } from '../instances.ts';
import { predictionLines } from '../render/predictions.ts';
import type { Feature } from '../resources.ts';
import { numeric, parseJson, sessionOf } from '../session.ts';
import { answer } from '../terminal.ts';
import { versionOf } from './models.ts';

export interface InputOptions {
  readonly data?: string;
  readonly invert?: boolean;
}

interface PredictOptions extends InputOptions {
  readonly user?: string;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly seed?: number;
}

interface Predictions {
  readonly predictions: unknown[];
  readonly model: string;
  readonly model_version: number;
}

/** Of a request: Lambda takes 6 MB. */
const PART_BYTES = 4_000_000;
const PART_INSTANCES = 1000;

export function addPredict(program: Command): void {
  withInput(program.command('predict <model> [files...]'))
    .description('predict for instances of files: JSON, JSON lines, CSV, PNG or JPEG pictures; - is stdin')
    .option('--user <user>', 'whom a sticky split keeps at one version')
    .option('--max-tokens <n>', 'of a language model', numeric)
    .option('--temperature <n>', 'of a language model; 0 takes the most probable', numeric)
    .option('--top-k <n>', 'of a language model', numeric)
    .option('--seed <n>', 'of a language model', numeric)
    .action(async (ref: string, files: string[], options: PredictOptions, command: Command) => {
      const { api, output } = sessionOf(command);
      const instances = await instancesFor(api, ref, files, options);
      const answered = await predictAll(api, ref, instances, options);
      answer(answered, output, () => predictionLines(answered.predictions));
    });
}

/** Of predict and explain. */
export function withInput(command: Command): Command {
  return command
    .option('-d, --data <json>', 'the instances themselves: one, or a list')
    .option('--invert', 'of a picture: dark on light becomes light on dark, as digits of MNIST are');
}

/** @throws {UsageError} for none */
export async function instancesFor(
  api: ApiClient,
  ref: string,
  files: readonly string[],
  { data, invert = false }: InputOptions,
): Promise<unknown[]> {
  if (data !== undefined) {
    if (files.length > 0) throw new UsageError('--data and files at once: name one of them');
    return instancesOfJson(data, '--data');
  }
  const sources = files.length === 0 && !process.stdin.isTTY ? ['-'] : files;
  if (sources.length === 0)
    throw new UsageError(`nothing to predict for: tenon predict ${ref} rows.csv, or --data '{...}'`);
  const features = await featuresOf(api, ref);
  const instances: unknown[] = [];
  for (const file of sources) instances.push(...(await readInstances(file, { features, invert })));
  if (instances.length === 0) throw new UsageError(`${sources.join(', ')}: there are no instances`);
  return instances;
}

async function featuresOf(api: ApiClient, ref: string): Promise<readonly Feature[]> {
  const params = await versionOf(api, ref);
  const card = await api.call<{ data: { features: Feature[] } }>('getModelCard', { params });
  return card.data.features;
}

async function predictAll(
  api: ApiClient,
  ref: string,
  instances: readonly unknown[],
  { user, maxTokens, temperature, topK, seed }: PredictOptions,
): Promise<Predictions> {
  const said = { max_tokens: maxTokens, temperature, top_k: topK, seed };
  const parameters = Object.values(said).some((value) => value !== undefined) ? { parameters: said } : {};
  const parts: Predictions[] = [];
  for (const part of partsOf(instances)) {
    const body = { instances: part, ...parameters, ...(user === undefined ? {} : { user }) };
    parts.push(await api.call<Predictions>('predict', { params: { ref }, body }));
  }
  return { ...parts[0]!, predictions: parts.flatMap(({ predictions }) => predictions) };
}

/** Parts that fit into a request each. */
export function partsOf(instances: readonly unknown[]): unknown[][] {
  const parts: unknown[][] = [[]];
  let bytes = 0;
  for (const instance of instances) {
    const more = Buffer.byteLength(JSON.stringify(instance));
    const part = parts.at(-1)!;
    if (part.length > 0 && (bytes + more > PART_BYTES || part.length >= PART_INSTANCES)) {
      parts.push([instance]);
      bytes = more;
    } else {
      part.push(instance);
      bytes += more;
    }
  }
  return parts;
}

/** A label, a number or a text as the API takes it. */
export function jsonOrText(text: string): unknown {
  return /^(-?\d|true$|false$|"|\{|\[)/.test(text) ? parseJson(text, text) : text;
}
