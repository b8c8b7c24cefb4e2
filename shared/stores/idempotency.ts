/**
 * Idempotency keys of a tenant: one item each, taken by one conditional write. A caller that died leaves a lock that runs
 * out; times are checked in conditions, since DynamoDB deletes expired items only some time later.
 */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { DeleteCommand, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { Clock } from '../clock.ts';
import { epochS } from '../clock.ts';
import { TENANT_PK_PREFIX } from '../contract.ts';
import { written } from './collection.ts';

const KEEP_S = 86_400;
/** Longer than a function behind API Gateway can run. */
const LOCK_S = 60;

/** What the key says to a request: go ahead, here is the answer, somebody is at it, or the body is another. */
export type Claim =
  | { readonly kind: 'started' }
  | { readonly kind: 'done'; readonly answer: string }
  | { readonly kind: 'running' }
  | { readonly kind: 'mismatch' };

export class IdempotencyKeys {
  readonly #dynamo: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #pk: string;
  readonly #clock: Clock;

  constructor(dynamo: DynamoDBDocumentClient, table: string, options: { tenantId: string; clock: Clock }) {
    this.#dynamo = dynamo;
    this.#table = table;
    this.#pk = `${TENANT_PK_PREFIX}${options.tenantId}#IDEMPOTENCY`;
    this.#clock = options.clock;
  }

  /** @param id of method, path and key; `bodyHash` tells one body from another */
  async claim(id: string, bodyHash: string): Promise<Claim> {
    const nowS = epochS(this.#clock);
    const isOurs = await written(
      this.#dynamo.send(
        new PutCommand({
          TableName: this.#table,
          Item: { pk: this.#pk, sk: id, body_hash: bodyHash, lock_until: nowS + LOCK_S, ttl: nowS + KEEP_S },
          ConditionExpression:
            'attribute_not_exists(pk) OR #ttl < :now OR (attribute_not_exists(answer) AND lock_until < :now AND body_hash = :hash)',
          ExpressionAttributeNames: { '#ttl': 'ttl' },
          ExpressionAttributeValues: { ':now': nowS, ':hash': bodyHash },
        }),
      ),
    );
    if (isOurs) return { kind: 'started' };
    const { Item } = await this.#dynamo.send(
      new GetCommand({ TableName: this.#table, Key: { pk: this.#pk, sk: id }, ConsistentRead: true }),
    );
    // Released between the two calls: the caller may try again at once.
    if (Item === undefined) return { kind: 'running' };
    if (Item['body_hash'] !== bodyHash) return { kind: 'mismatch' };
    return typeof Item['answer'] === 'string' ? { kind: 'done', answer: Item['answer'] } : { kind: 'running' };
  }

  /** Keeps the answer for a day. */
  async settle(id: string, bodyHash: string, answer: string): Promise<void> {
    const ttl = epochS(this.#clock) + KEEP_S;
    await this.#dynamo.send(
      new PutCommand({ TableName: this.#table, Item: { pk: this.#pk, sk: id, body_hash: bodyHash, answer, ttl } }),
    );
  }

  /** Forgets a request that did nothing, so that it can be sent again. */
  async release(id: string): Promise<void> {
    await this.#dynamo.send(new DeleteCommand({ TableName: this.#table, Key: { pk: this.#pk, sk: id } }));
  }
}
