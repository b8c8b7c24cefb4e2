/**
 * A collection of records in one table under one partition key: the pattern that datasets, jobs, events, models and tenants
 * share. Every write is one conditional write on one item.
 */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { DeleteCommand, GetCommand, PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { fromAttributes, toAttribute, toAttributes } from './attributes.ts';
import type { Attributes } from './attributes.ts';

export interface Page<T> {
  readonly data: readonly T[];
  readonly hasMore: boolean;
}

export interface ListOptions {
  readonly limit: number;
  /** Begin behind this id. */
  readonly after?: string | undefined;
  readonly order: 'ascending' | 'descending';
}

const DELETED_AT_ONCE = 25;

export class Collection<T extends object> {
  readonly #dynamo: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #pk: string;
  readonly #prefix: string;

  /** @param prefix of the sort key; the rest of the sort key is the record's id */
  constructor(dynamo: DynamoDBDocumentClient, table: string, keys: { pk: string; prefix: string }) {
    this.#dynamo = dynamo;
    this.#table = table;
    this.#pk = keys.pk;
    this.#prefix = keys.prefix;
  }

  async get(id: string): Promise<T | undefined> {
    const { Item } = await this.#dynamo.send(
      new GetCommand({ TableName: this.#table, Key: this.#key(id), ConsistentRead: true }),
    );
    return Item === undefined ? undefined : this.#record(Item);
  }

  async put(id: string, record: T): Promise<void> {
    await this.#dynamo.send(
      new PutCommand({ TableName: this.#table, Item: { ...toAttributes(record), ...this.#key(id) } }),
    );
  }

  /** Writes the record unless its id is taken. @returns whether it was written */
  async create(id: string, record: T): Promise<boolean> {
    return written(
      this.#dynamo.send(
        new PutCommand({
          TableName: this.#table,
          Item: { ...toAttributes(record), ...this.#key(id) },
          ConditionExpression: 'attribute_not_exists(pk)',
        }),
      ),
    );
  }

  /** Sets fields of an existing record. @returns false when it does not exist, or its status is none of `whileStatus` */
  async patch(id: string, fields: Partial<T>, whileStatus: readonly string[] = []): Promise<boolean> {
    const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
    const statuses = whileStatus.map((_, i) => `:status${i}`);
    const guard = statuses.length === 0 ? '' : ` AND #status IN (${statuses.join(', ')})`;
    return written(
      this.#dynamo.send(
        new UpdateCommand({
          TableName: this.#table,
          Key: this.#key(id),
          UpdateExpression: `SET ${entries.map((_, i) => `#f${i} = :v${i}`).join(', ')}`,
          ConditionExpression: `attribute_exists(pk)${guard}`,
          ExpressionAttributeNames: {
            ...Object.fromEntries(entries.map(([name], i) => [`#f${i}`, name])),
            ...(statuses.length === 0 ? {} : { '#status': 'status' }),
          },
          ExpressionAttributeValues: {
            ...Object.fromEntries(entries.map(([, value], i) => [`:v${i}`, toAttribute(value)])),
            ...Object.fromEntries(whileStatus.map((status, i) => [`:status${i}`, status])),
          },
        }),
      ),
    );
  }

  /** @returns whether it was there: of many who delete at once, one is told so */
  async delete(id: string): Promise<boolean> {
    const { Attributes } = await this.#dynamo.send(
      new DeleteCommand({ TableName: this.#table, Key: this.#key(id), ReturnValues: 'ALL_OLD' }),
    );
    return Attributes !== undefined;
  }

  /** Removes records until there are none, or it is time to stop. @returns how many */
  async deleteAll(isDue: () => boolean = () => false): Promise<number> {
    let deleted = 0;
    while (!isDue()) {
      const { Items = [] } = await this.#dynamo.send(
        new QueryCommand({
          TableName: this.#table,
          KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
          ExpressionAttributeValues: { ':pk': this.#pk, ':prefix': this.#prefix },
          ProjectionExpression: 'sk',
          Limit: DELETED_AT_ONCE,
          ConsistentRead: true,
        }),
      );
      if (Items.length === 0) break;
      await Promise.all(Items.map((item) => this.delete(String(item['sk']).slice(this.#prefix.length))));
      deleted += Items.length;
    }
    return deleted;
  }

  async list({ limit, after, order }: ListOptions): Promise<Page<T>> {
    const ascending = order === 'ascending';
    const first = ascending ? `${this.#prefix}${after ?? ''}` : this.#prefix;
    const last = ascending || after === undefined ? `${this.#prefix}\u{10FFFF}` : `${this.#prefix}${after}`;
    const rows: Attributes[] = [];
    // A page of DynamoDB ends after 1 MB, however many items were asked for.
    for (let start: Attributes | undefined, done = false; !done && rows.length <= limit; done = start === undefined) {
      const { Items = [], LastEvaluatedKey } = await this.#dynamo.send(
        new QueryCommand({
          TableName: this.#table,
          KeyConditionExpression: 'pk = :pk AND sk BETWEEN :first AND :last',
          ExpressionAttributeValues: { ':pk': this.#pk, ':first': first, ':last': last },
          ScanIndexForward: ascending,
          // BETWEEN includes `after` itself, which is dropped; one more tells whether there is more.
          Limit: limit + 2,
          ExclusiveStartKey: start,
          ConsistentRead: true,
        }),
      );
      rows.push(...Items.filter((item) => after === undefined || item['sk'] !== `${this.#prefix}${after}`));
      start = LastEvaluatedKey;
    }
    return { data: rows.slice(0, limit).map((item) => this.#record(item)), hasMore: rows.length > limit };
  }

  async count(): Promise<number> {
    let count = 0;
    for (let start: Attributes | undefined, done = false; !done; done = start === undefined) {
      const { Count = 0, LastEvaluatedKey } = await this.#dynamo.send(
        new QueryCommand({
          TableName: this.#table,
          KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
          ExpressionAttributeValues: { ':pk': this.#pk, ':prefix': this.#prefix },
          Select: 'COUNT',
          ExclusiveStartKey: start,
        }),
      );
      count += Count;
      start = LastEvaluatedKey;
    }
    return count;
  }

  /** The partition is ours alone: what is in it was put there as a T. */
  #record(item: Attributes): T {
    return fromAttributes(item) as T;
  }

  #key(id: string): { pk: string; sk: string } {
    return { pk: this.#pk, sk: this.#prefix + id };
  }
}

/** Whether a conditional write took place. Errors other than the condition's are thrown on. */
export async function written(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
