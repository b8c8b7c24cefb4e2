/** The body of POST /v1/jobs: a JSON file, and flags that win over it. The service checks the rest. */
import { readFileSync } from 'node:fs';
import { UsageError } from './errors.ts';
import { parseJson, readJson } from './session.ts';

export interface JobFlags {
  readonly job?: string;
  readonly name?: string;
  readonly task?: string;
  readonly family?: string;
  readonly dataset?: string;
  readonly target?: string;
  readonly features?: string;
  readonly params?: string;
  readonly set?: readonly string[];
  readonly validation?: string;
  readonly seed?: number;
  readonly maxSeconds?: number;
  readonly maxUsd?: number;
}

type Body = Record<string, unknown>;

/** @throws {UsageError} for a file that is no JSON object, or a setting without a value */
export function jobBody(flags: JobFlags): Body {
  const body = flags.job === undefined ? {} : readObject(flags.job);
  const { name, task, family, dataset, target, features, params, validation, seed } = flags;
  for (const [field, value] of Object.entries({ name, task, family, dataset, target, seed }))
    if (value !== undefined) body[field] = value;
  if (features !== undefined) body['features'] = features.split(',').map((feature) => feature.trim());
  if (params !== undefined) body['params'] = readObject(params);
  for (const setting of flags.set ?? []) set(body, setting);
  if (validation !== undefined) body['validation'] = validationOf(validation);
  const budget = { max_seconds: flags.maxSeconds, max_usd: flags.maxUsd };
  for (const [field, value] of Object.entries(budget))
    if (value !== undefined) body['budget'] = { ...(body['budget'] as Body | undefined), [field]: value };
  return body;
}

/** `optimizer.adam.learning_rate=0.01`: a path below params, and JSON or, where it is none, a text. */
function set(body: Body, setting: string): void {
  const at = setting.indexOf('=');
  if (at < 1) throw new UsageError(`--set ${setting}: expected name=value, such as epochs=10`);
  const path = ['params', ...setting.slice(0, at).split('.')];
  const last = path.pop()!;
  let place = body;
  for (const key of path) {
    const below = Object.hasOwn(place, key) ? place[key] : undefined;
    const next: Body = typeof below === 'object' && below !== null && !Array.isArray(below) ? { ...below } : {};
    // Defined, not assigned: `__proto__` is a key like any other here, and the service says that it knows no such parameter.
    Object.defineProperty(place, key, { value: next, enumerable: true, writable: true, configurable: true });
    place = next;
  }
  const value = valueOf(setting.slice(at + 1), `--set ${setting}`);
  Object.defineProperty(place, last, { value, enumerable: true, writable: true, configurable: true });
}

function valueOf(text: string, name: string): unknown {
  try {
    return readJson(text, name);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return text;
  }
}

/** A fraction of the rows, or another dataset. */
function validationOf(text: string): object {
  return Number.isFinite(Number(text)) ? { fraction: Number(text) } : { dataset: text };
}

function readObject(file: string): Body {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`);
  }
  const value = parseJson(text, file);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Body;
  throw new UsageError(`${file}: expected a JSON object`);
}
