/**
 * Predictions that are answered later, as a batch of their instances: what the client prefers (RFC 7240, "respond-async" and "wait"), and
 * what takes longer than the gateway waits.
 */
import type { BatchSpec } from '../../resources/batch.ts';
import { MAX_INSTANCES } from '../../resources/prediction.ts';
import { tenantOf } from '../context.ts';
import type { Call, Reply } from '../operation.ts';
import { Deadline, MAX_WAIT_S } from './deadline.ts';
import { requireFewInstances } from './instance-formats.ts';
import type { InferenceContext } from './metered.ts';

export interface Preference {
  readonly isAsync: boolean;
  /** No more than there is. */
  readonly waitS?: number;
  /** As it is heeded, for the answer. */
  readonly applied: string;
}

const POLL_S = 2;
/** Commas part preferences, but not within quotes. */
const PREFERENCES = /(?:"[^"]*"|[^",])+/g;
/** A token, and a value that may be quoted; what follows a semicolon are parameters, which none of ours has. */
const PREFERENCE = /^\s*([\w!#$%&'*+.^`|~-]+)\s*(?:=\s*(?:"([^"]*)"|([^\s;"]*)))?\s*(?:;|$)/;

/** Of the header `Prefer`. What is not known is not heeded; of two that are alike the first counts. */
export function preferenceOf(header = ''): Preference {
  const stated = new Map<string, string>();
  for (const text of header.match(PREFERENCES) ?? []) {
    const [, name = '', quoted, plain = ''] = PREFERENCE.exec(text) ?? [];
    const key = name.toLowerCase();
    if (!stated.has(key)) stated.set(key, quoted ?? plain);
  }
  const isAsync = stated.has('respond-async');
  const wait = stated.get('wait');
  const waitS = wait !== undefined && /^\d+$/.test(wait) ? Math.min(Number(wait), MAX_WAIT_S) : undefined;
  const applied = [isAsync ? ['respond-async'] : [], waitS === undefined ? [] : [`wait=${waitS}`]].flat().join(', ');
  return { isAsync, applied, ...(waitS === undefined ? {} : { waitS }) };
}

/**
 * Runs a prediction as long as the client and the gateway wait, or not at all; then it becomes a batch.
 * @param run ends with what the deadline throws once it has passed
 */
export async function answeredOrLater(
  context: InferenceContext,
  call: Call<'predict'>,
  run: (deadline: Deadline) => Promise<Reply<'predict'>>,
): Promise<Reply<'predict'>> {
  const preference = preferenceOf(call.header('prefer'));
  const { isAsync, waitS } = preference;
  const isTooMany = call.body.instances.length > MAX_INSTANCES;
  if (!isAsync) requireFewInstances(call.body.instances.length);
  if (isTooMany || (isAsync && waitS === undefined)) return later(context, call, preference);
  const deadline = new Deadline(context.clock, (waitS ?? MAX_WAIT_S) * 1000);
  try {
    const reply = await run(deadline);
    return waitS === undefined ? reply : { ...reply, headers: { ...reply.headers, ...appliedOf(`wait=${waitS}`) } };
  } catch (error) {
    if (error !== deadline.passed) throw error;
    return later(context, call, preference);
  }
}

function appliedOf(applied: string): Record<string, string> {
  return applied === '' ? {} : { 'preference-applied': applied };
}

async function later(
  context: InferenceContext,
  { caller, params, body, header, seed, basePath }: Call<'predict'>,
  { applied }: Preference,
): Promise<Reply<'predict'>> {
  // Loaded when it is needed: a prediction that is answered at once does without.
  const [{ makeBatch }, { showBatch }] = await Promise.all([
    import('../batches/make.ts'),
    import('../../workflows/batch/settle.ts'),
  ]);
  const { instances, parameters, user = header('x-user-id') } = body;
  const spec: BatchSpec = {
    model: params['ref'] ?? '',
    instances,
    ...(parameters === undefined ? {} : { parameters }),
    ...(user === undefined ? {} : { user }),
  };
  const tenant = tenantOf(context, caller);
  const record = await makeBatch(spec, tenant, { clock: context.clock, ...context.batches }, seed);
  return {
    status: 202,
    body: await showBatch(record, tenant.catalog, context.clock),
    headers: {
      location: `${basePath}/v1/batches/${record.id}`,
      'retry-after': String(POLL_S),
      ...appliedOf(applied),
    },
  };
}
