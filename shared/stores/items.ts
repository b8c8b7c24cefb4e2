/**
 * Items of one tenant's partition in the quotas table, changed by one conditional write each. A write whose answer was lost may
 * have taken place, and the SDK sends it again: every condition is such that a second time changes nothing.
 */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { DeleteCommand, GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { written } from './collection.ts';

export type Item = Record<string, unknown>;

export interface Update {
  readonly expression: string;
  readonly condition?: string;
  readonly values?: Record<string, unknown>;
  readonly names?: Record<string, string>;
}

const DELETED_AT_ONCE = 25;

export class Items {
  readonly #dynamo: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #pk: string;

  constructor(dynamo: DynamoDBDocumentClient, table: string, pk: string) {
    this.#dynamo = dynamo;
    this.#table = table;
    this.#pk = pk;
  }

  async get(sk: string): Promise<Item | undefined> {
    const { Item } = await this.#dynamo.send(
      new GetCommand({ TableName: this.#table, Key: { pk: this.#pk, sk }, ConsistentRead: true }),
    );
    return Item;
  }

  /** One conditional write. @returns the whole item as it is now, or undefined when the condition did not hold */
  async update(sk: string, update: Update): Promise<Item | undefined> {
    let attributes: Item = {};
    const isWritten = await written(
      this.#dynamo
        .send(
          new UpdateCommand({
            TableName: this.#table,
            Key: { pk: this.#pk, sk },
            UpdateExpression: update.expression,
            ConditionExpression: update.condition,
            ExpressionAttributeValues: update.values,
            ExpressionAttributeNames: update.names,
            ReturnValues: 'ALL_NEW',
          }),
        )
        .then(({ Attributes }) => (attributes = Attributes ?? {})),
    );
    return isWritten ? attributes : undefined;
  }

  /** Items whose sort key lies between the two, both included. */
  async between(from: string, to: string): Promise<readonly Item[]> {
    const items: Item[] = [];
    for (let start: Item | undefined, done = false; !done; done = start === undefined) {
      const { Items: page = [], LastEvaluatedKey } = await this.#dynamo.send(
        new QueryCommand({
          TableName: this.#table,
          KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
          ExpressionAttributeValues: { ':pk': this.#pk, ':from': from, ':to': to },
          ExclusiveStartKey: start,
          ConsistentRead: true,
        }),
      );
      items.push(...page);
      start = LastEvaluatedKey;
    }
    return items;
  }

  async delete(sk: string): Promise<void> {
    await this.#dynamo.send(new DeleteCommand({ TableName: this.#table, Key: { pk: this.#pk, sk } }));
  }

  /** Removes every item. @returns how many */
  async deleteAll(isDue: () => boolean = () => false): Promise<number> {
    const items = await this.between(' ', '\u{10FFFF}');
    let deleted = 0;
    for (let at = 0; at < items.length && !isDue(); at += DELETED_AT_ONCE) {
      const some = items.slice(at, at + DELETED_AT_ONCE);
      await Promise.all(some.map((item) => this.delete(String(item['sk']))));
      deleted += some.length;
    }
    return deleted;
  }
}
