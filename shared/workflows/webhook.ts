/** Tells a tenant's URL how a job or a batch ended. Signatures, headers and schedule: Standard Webhooks specification. */
import { createHmac, randomBytes } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { epochS } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { ServiceError } from '../errors.ts';
import type { BatchRecord } from '../resources/batch.ts';
import type { JobRecord } from '../resources/job.ts';
import type { WebhookSecretRecord } from '../resources/webhook.ts';
import type { Catalog } from '../stores/catalog.ts';
import { isLoopback, isPublic, literalAddress, resolvePublic } from './public-address.ts';

/** Seconds before each try. */
const SCHEDULE_S = [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
const TIMEOUT_MS = 15_000;
const GONE = 410;
const SECRET_BYTES = 32;
/** How long the secret before signs too. */
const ROTATION_S = 86_400;
const SECRET_ID = 'secret';

export interface WebhookOptions {
  readonly clock: Clock;
  /** Plain HTTP to this machine is allowed: in the local cloud only. */
  readonly allowLoopback: boolean;
  /** How long an answer may take; 15 s. */
  readonly timeoutMs?: number;
}

/** @throws {ServiceError} invalid_request for a URL that will not be called */
export function checkWebhookUrl(text: string, allowLoopback: boolean): URL {
  const refuse = (message: string) =>
    new ServiceError('invalid_request', `/webhook/url: ${message}`, { param: '/webhook/url' });
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw refuse('expected an https URL');
  const literal = literalAddress(url.hostname);
  if (allowLoopback && isOwnMachine(url)) return url;
  if (url.protocol !== 'https:') throw refuse(`expected an https URL, got ${url.protocol}//`);
  if (url.username !== '' || url.password !== '') throw refuse('a user name or password cannot stand in it');
  if (isOwnMachine(url) || (literal !== undefined && !isPublic(literal)))
    throw refuse(`${url.hostname} is no public address`);
  return url;
}

function isOwnMachine({ protocol, hostname }: URL): boolean {
  const literal = literalAddress(hostname);
  const isLocal = hostname === 'localhost' || (literal !== undefined && isLoopback(literal));
  return isLocal && (protocol === 'http:' || protocol === 'https:');
}

/** The tenant's secret, made when it is first asked for. */
export async function webhookSecret(catalog: Catalog, clock: Clock): Promise<WebhookSecretRecord> {
  const known = await catalog.webhooks.get(SECRET_ID);
  if (known !== undefined) return known;
  const made = newSecret(clock);
  if (await catalog.webhooks.create(SECRET_ID, made)) return made;
  return (await catalog.webhooks.get(SECRET_ID)) ?? made;
}

/** A new secret; the old one signs beside it for a day. */
export async function rotateSecret(catalog: Catalog, clock: Clock): Promise<WebhookSecretRecord> {
  const { secret: previous } = await webhookSecret(catalog, clock);
  const rotated = { ...newSecret(clock), previous_secret: previous, previous_until: epochS(clock) + ROTATION_S };
  await catalog.webhooks.put(SECRET_ID, rotated);
  return rotated;
}

/** Whose end is told. */
type Ended = { readonly job: string } | { readonly batch: string };

/** One try. @returns in how many seconds to try again, 0 when it was delivered or there is nothing more to try */
export async function notify(
  ended: Ended & { readonly attempt: number },
  catalog: Catalog,
  options: WebhookOptions,
): Promise<number> {
  const { attempt } = ended;
  const [id, records] =
    'job' in ended ? ([ended.job, catalog.jobs] as const) : ([ended.batch, catalog.batches] as const);
  const record = await records.get(id);
  if (record?.webhook === undefined) return 0;
  const body = JSON.stringify(messageOf(record));
  const headers = signedHeaders(
    await webhookSecret(catalog, options.clock),
    { id: `msg_${id}`, body },
    epochS(options.clock),
  );
  const answer = await post(record.webhook.url, { body, headers }, options);
  const isDelivered = answer.status !== undefined && answer.status >= 200 && answer.status < 300;
  const delayS = isDelivered || answer.status === GONE ? undefined : SCHEDULE_S[attempt + 1];
  const last = isDelivered ? 'delivered' : 'failed';
  await records.patch(id, {
    webhook_delivery: {
      status: delayS === undefined ? last : 'pending',
      attempts: attempt + 1,
      ...(isDelivered ? {} : { last_error: answer.problem }),
    },
  });
  return delayS ?? 0;
}

/** `v1,<base64 of HMAC-SHA256 of "id.timestamp.body">`, once for each secret that is good now. */
export function signedHeaders(
  { secret, previous_secret: previous, previous_until: until = 0 }: WebhookSecretRecord,
  { id, body }: { id: string; body: string },
  nowS: number,
): Record<string, string> {
  const secrets = previous === undefined || until <= nowS ? [secret] : [secret, previous];
  const signatures = secrets.map((each) => {
    const key = Buffer.from(each.slice('whsec_'.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${nowS}.${body}`).digest('base64')}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': String(nowS), 'webhook-signature': signatures.join(' ') };
}

function newSecret(clock: Clock): WebhookSecretRecord {
  const secret = `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
  return { id: SECRET_ID, object: 'webhook.secret', secret, created_at: epochS(clock) };
}

/** Thin: what a receiver needs in order to decide whether to ask for the rest. */
function messageOf(record: JobRecord | BatchRecord): object {
  const { id, object, status, error, usage, finished_at: finishedAt = 0 } = record;
  return {
    type: `${object}.${status}`,
    timestamp: new Date(finishedAt * 1000).toISOString(),
    data: {
      id,
      object,
      ...(record.object === 'job' ? { name: record.name } : { progress: record.progress }),
      status,
      ...(record.model === undefined ? {} : { model: record.model }),
      ...(record.object === 'batch' ? { model_version: record.model_version } : {}),
      ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
      usage,
      finished_at: finishedAt,
    },
  };
}

interface Answer {
  readonly status?: number;
  readonly problem: string;
}

/** Sends to the address that was checked, whatever the name says a moment later; a redirect is an answer like any other. */
async function post(
  text: string,
  { body, headers }: { body: string; headers: Record<string, string> },
  { allowLoopback, timeoutMs = TIMEOUT_MS }: WebhookOptions,
): Promise<Answer> {
  try {
    const url = checkWebhookUrl(text, allowLoopback);
    const { address, family } = await resolvePublic(url.hostname, { allowLoopback });
    const send = url.protocol === 'http:' ? requestHttp : requestHttps;
    const status = await new Promise<number>((resolve, reject) => {
      const outgoing = send(
        url,
        {
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/json', 'user-agent': 'Tenon-Webhooks/1' },
          agent: false,
          signal: AbortSignal.timeout(timeoutMs),
          lookup: (_hostname, { all }, done) =>
            all === true ? done(null, [{ address, family }]) : done(null, address, family),
        },
        (response) => {
          resolve(response.statusCode ?? 0);
          // What it says is nobody's business.
          response.destroy();
        },
      );
      outgoing.once('error', reject);
      outgoing.end(body);
    });
    return { status, problem: `it answered ${status}` };
  } catch (error) {
    // Node tells of the signal's time-out as of any other end of it.
    if (error instanceof Error && /^(Abort|Timeout)Error$/.test(error.name))
      return { problem: `nothing answered within ${timeoutMs / 1000} s` };
    return { problem: error instanceof Error ? error.message : 'it could not be called' };
  }
}
