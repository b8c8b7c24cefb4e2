/**
 * The operator's choices, read from the CDK context (`cdk.json` or `-c name=value`) and checked before anything is made
 * of them. A value on the command line is text, one in cdk.json has its own type: both are taken.
 */
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Node } from 'constructs';

/** What the functions' assets are built for. `host`: the developer's own machine, for the local harness. */
export const TARGETS = ['lambda-arm64', 'lambda-x64', 'host'] as const;
export type Target = (typeof TARGETS)[number];

/** Who keeps the authorizer's answers: see `infra/constructs/rest-api.ts`. */
export const AUTHORIZER_CACHES = ['function', 'gateway'] as const;
export type AuthorizerCache = (typeof AUTHORIZER_CACHES)[number];

/** The periods that CloudWatch Logs knows; logs are not kept for ever. */
const LOG_RETENTION_DAYS = Object.values(RetentionDays).filter(
  (days): days is RetentionDays => typeof days === 'number' && days !== RetentionDays.INFINITE,
);

export interface Settings {
  /** Names the stacks (`<prefix>-data` ...) and the operator's function, so that an account can hold several deployments. */
  readonly prefix: string;
  readonly stage: string;
  readonly target: Target;
  readonly waf: boolean;
  readonly authorizerCache: AuthorizerCache;
  readonly alarmEmail: string | undefined;
  readonly logRetentionDays: RetentionDays;
  /** Keep bucket, tables and key when the stack is deleted. */
  readonly retainData: boolean;
  /** Web origins that may upload to and download from presigned URLs. */
  readonly uploadOrigins: readonly string[];
  /** Hold the templates against the rules of cdk-nag and CDK; the local build leaves it out, to be quick. */
  readonly checks: boolean;
  /** The stage's throttle for all tenants together; a tenant's own limits are the service's. */
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
  /** Webhooks may go to the machine that runs the functions, over plain HTTP: for the local cloud, which has it on. */
  readonly localWebhooks: boolean;
  /** A training is cut into segments of at most this many seconds; a kill costs the work of one. */
  readonly segmentSeconds: number;
  /** What a training's rows may take of the function's memory, as stored and as numbers; families that can read more do it in blocks. */
  readonly trainingDataMb: number;
  /** Segments at once, of all tenants together; keep it below the account's concurrency, which predictions need too. */
  readonly trainingSlots: number;
}

/** @throws {Error} naming the setting, what was expected and what stood there. */
export function readSettings(node: Node): Settings {
  const value = (name: string): unknown => node.tryGetContext(name) as unknown;
  const target = oneOf('target', value('target') ?? 'lambda-arm64', TARGETS);
  return {
    prefix: text(
      'prefix',
      value('prefix') ?? 'tenon',
      /^[a-z][a-z0-9-]{0,19}$/,
      'a-z, 0-9 and -, at most 20, a letter first',
    ),
    stage: text('stage', value('stage') ?? 'live', /^[A-Za-z0-9_]{1,32}$/, 'A-Z, a-z, 0-9 and _, at most 32'),
    target,
    localWebhooks: flag('localWebhooks', value('localWebhooks') ?? target === 'host'),
    waf: flag('waf', value('waf') ?? false),
    authorizerCache: oneOf('authorizerCache', value('authorizerCache') ?? 'function', AUTHORIZER_CACHES),
    alarmEmail: optional(value('alarmEmail'), (given) =>
      text('alarmEmail', given, /^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'an e-mail address'),
    ),
    logRetentionDays: period('logRetentionDays', value('logRetentionDays') ?? 90),
    retainData: flag('retainData', value('retainData') ?? true),
    uploadOrigins: origins('uploadOrigins', value('uploadOrigins') ?? '*'),
    checks: flag('checks', value('checks') ?? true),
    requestsPerSecond: count('requestsPerSecond', value('requestsPerSecond') ?? 1000, 10_000),
    requestBurst: count('requestBurst', value('requestBurst') ?? 2000, 5000),
    trainingSlots: count('trainingSlots', value('trainingSlots') ?? 500, 5_000),
    trainingDataMb: count('trainingDataMb', value('trainingDataMb') ?? 1400, 2500),
    segmentSeconds: count('segmentSeconds', value('segmentSeconds') ?? 600, 780),
  };
}

function invalid(name: string, expected: string, got: unknown): Error {
  return new Error(
    `setting "${name}": expected ${expected}, got ${JSON.stringify(got)}. Set it in cdk.json or with -c ${name}=...`,
  );
}

function text(name: string, value: unknown, pattern: RegExp, expected: string): string {
  if (typeof value !== 'string' || !pattern.test(value)) throw invalid(name, expected, value);
  return value;
}

function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw invalid(name, `one of ${allowed.join(', ')}`, value);
  return found;
}

function flag(name: string, value: unknown): boolean {
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw invalid(name, 'true or false', value);
}

function count(name: string, value: unknown, max: number): number {
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 1 || number > max) {
    throw invalid(name, `a whole number from 1 to ${max}`, value);
  }
  return number;
}

function period(name: string, value: unknown): RetentionDays {
  const found = LOG_RETENTION_DAYS.find((days) => (days as number) === Number(value));
  if (found === undefined) throw invalid(name, `one of ${LOG_RETENTION_DAYS.join(', ')} days`, value);
  return found;
}

function origins(name: string, value: unknown): readonly string[] {
  const list = typeof value === 'string' ? value.split(',').map((origin) => origin.trim()) : value;
  const isOrigin = (origin: unknown) =>
    typeof origin === 'string' && (origin === '*' || /^https?:\/\/[^/\s,]+$/.test(origin));
  if (!Array.isArray(list) || list.length === 0 || !list.every(isOrigin)) {
    throw invalid(name, '* or a list of origins such as https://app.example.com', value);
  }
  return list as string[];
}

function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined || value === '' ? undefined : read(value);
}
