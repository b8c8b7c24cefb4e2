/**
 * The Idempotency-Key header of POSTs (draft-ietf-httpapi-idempotency-key-header): a repeat is answered with the stored
 * answer. Only successes are stored: an error has changed nothing, and may be another when it is tried again. A request that died
 * midway is carried out again under the same seed, from which the ids of what it makes follow: it makes the same thing.
 */
import { createHash } from 'node:crypto';
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import { ServiceError } from '../errors.ts';
import type { IdempotencyKeys } from '../stores/idempotency.ts';
import { headerNamed } from '../tenancy/header.ts';

const MAX_KEY_CHARS = 255;
/** An item of DynamoDB holds 400 KB; a larger answer is not kept, and its request is carried out again. */
const MAX_ANSWER_CHARS = 350_000;

/** The key that a request carries, or undefined. @throws {ServiceError} invalid_request when it is too long */
export function idempotencyKeyOf(event: APIGatewayProxyEvent): string | undefined {
  if (event.httpMethod !== 'POST') return undefined;
  const key = headerNamed(event.headers, 'idempotency-key');
  if (key === undefined) return undefined;
  if (key.length === 0 || key.length > MAX_KEY_CHARS) {
    throw new ServiceError(
      'invalid_request',
      `Idempotency-Key: expected 1 to ${MAX_KEY_CHARS} characters, got ${key.length}`,
    );
  }
  return key;
}

/** Runs the request once for its key. @throws {ServiceError} idempotency_mismatch, conflict while it still runs */
export async function once(
  keys: IdempotencyKeys,
  key: string,
  event: APIGatewayProxyEvent,
  run: (seed: string) => Promise<APIGatewayProxyResult>,
): Promise<APIGatewayProxyResult> {
  const id = sha256(JSON.stringify([event.httpMethod, event.path, key]));
  const bodyHash = sha256(event.body ?? '');
  const claim = await keys.claim(id, bodyHash);
  switch (claim.kind) {
    case 'done': {
      const stored = JSON.parse(claim.answer) as APIGatewayProxyResult;
      return { ...stored, headers: { ...stored.headers, 'idempotent-replayed': 'true' } };
    }
    case 'mismatch':
      throw new ServiceError(
        'idempotency_mismatch',
        'this Idempotency-Key was used with another body: use a new key for a new request',
      );
    case 'running':
      throw new ServiceError(
        'conflict',
        'a request with this Idempotency-Key is still running: ask again in a moment',
        { retryAfterS: 1 },
      );
    case 'started':
      break;
  }
  try {
    const answer = await run(claim.seed);
    const text = JSON.stringify(answer);
    if (text.length <= MAX_ANSWER_CHARS) return JSON.parse(await keys.settle(id, text)) as APIGatewayProxyResult;
    await keys.release(id, claim.owner, { isForgotten: false });
    return answer;
  } catch (error) {
    await keys.release(id, claim.owner, { isForgotten: error instanceof ServiceError });
    throw error;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
