/**
 * Idempotency keys of a tenant: one item each, taken by one conditional write. A caller that died leaves a lock that runs
 * out; times are checked in conditions, since DynamoDB deletes expired items only some time later.
 */
import { randomUUID } from 'node:crypto';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Clock } from '../clock.ts';
import { epochS } from '../clock.ts';
import { TENANT_PK_PREFIX } from '../contract.ts';
import { Items } from './items.ts';

const KEEP_S = 86_400;
/** Longer than a function behind API Gateway can run. */
const LOCK_S = 60;

/** What the key says to a request: go ahead, here is the answer, somebody is at it, or the body is another. */
export type Claim =
  /** `seed`: the same for every try of the request, so that what it makes has the same ids; `owner`: of this try. */
  | { readonly kind: 'started'; readonly seed: string; readonly owner: string }
  | { readonly kind: 'done'; readonly answer: string }
  | { readonly kind: 'running' }
  | { readonly kind: 'mismatch' };

export class IdempotencyKeys {
  readonly #items: Items;
  readonly #clock: Clock;

  constructor(dynamo: DynamoDBDocumentClient, table: string, options: { tenantId: string; clock: Clock }) {
    this.#items = new Items(dynamo, table, `${TENANT_PK_PREFIX}${options.tenantId}#IDEMPOTENCY`);
    this.#clock = options.clock;
  }

  /** @param id of method, path and key; `bodyHash` tells one body from another */
  async claim(id: string, bodyHash: string): Promise<Claim> {
    const nowS = epochS(this.#clock);
    const owner = `${this.#clock.nowMs()} ${randomUUID()}`;
    const first = await this.#items.update(id, {
      expression:
        'SET body_hash = :hash, #owner = :owner, seed = :owner, lock_until = :until, #ttl = :ttl REMOVE answer',
      condition: 'attribute_not_exists(pk) OR #ttl < :now',
      names: { '#ttl': 'ttl', '#owner': 'owner' },
      values: { ':hash': bodyHash, ':owner': owner, ':until': nowS + LOCK_S, ':ttl': nowS + KEEP_S, ':now': nowS },
    });
    if (first !== undefined) return { kind: 'started', seed: owner, owner };
    // Whoever was at it died, or gave up: its seed is kept.
    const next = await this.#items.update(id, {
      expression: 'SET #owner = :owner, lock_until = :until',
      condition: 'attribute_not_exists(answer) AND lock_until < :now AND body_hash = :hash',
      names: { '#owner': 'owner' },
      values: { ':hash': bodyHash, ':owner': owner, ':until': nowS + LOCK_S, ':now': nowS },
    });
    if (next !== undefined) return { kind: 'started', seed: String(next['seed']), owner };
    const item = await this.#items.get(id);
    // Released between the calls: the caller may try again at once.
    if (item === undefined) return { kind: 'running' };
    if (item['body_hash'] !== bodyHash) return { kind: 'mismatch' };
    if (typeof item['answer'] === 'string') return { kind: 'done', answer: item['answer'] };
    // The answer to our own claim was lost.
    return item['owner'] === owner ? { kind: 'started', seed: String(item['seed']), owner } : { kind: 'running' };
  }

  /** Keeps the answer for a day, unless another try has answered. @returns the answer that is kept */
  async settle(id: string, answer: string): Promise<string> {
    const settled = await this.#items.update(id, {
      expression: 'SET answer = :answer, #ttl = :ttl',
      condition: 'attribute_exists(pk) AND attribute_not_exists(answer)',
      names: { '#ttl': 'ttl' },
      values: { ':answer': answer, ':ttl': epochS(this.#clock) + KEEP_S },
    });
    if (settled !== undefined) return answer;
    const kept = (await this.#items.get(id))?.['answer'];
    return typeof kept === 'string' ? kept : answer;
  }

  /** A request that did nothing is forgotten; one that may have done something keeps its seed, for whoever tries it again. */
  async release(id: string, owner: string, { isForgotten }: { isForgotten: boolean }): Promise<void> {
    await this.#items.update(id, {
      expression: isForgotten ? 'SET lock_until = :past, #ttl = :past' : 'SET lock_until = :past',
      condition: '#owner = :owner AND attribute_not_exists(answer)',
      names: { '#owner': 'owner', ...(isForgotten ? { '#ttl': 'ttl' } : {}) },
      values: { ':past': 0, ':owner': owner },
    });
  }

  /** Forgets every key, until it is due. @returns how many */
  deleteAll(isDue?: () => boolean): Promise<number> {
    return this.#items.deleteAll(isDue);
  }
}
