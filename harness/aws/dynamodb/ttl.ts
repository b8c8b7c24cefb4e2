/**
 * Time to live, which dynalite lacks: the attribute of each table is kept in a file, and a sweep deletes what expired.
 * DynamoDB itself promises deletion within days: readers must check the time themselves, here as there.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { AwsError } from '../service.ts';
import type { DynamoBackend } from './backend.ts';
import type { KeySchemas } from './key-schemas.ts';

/** Older times are not taken for expiry times, as in DynamoDB. */
const MAX_AGE_S = 5 * 365 * 24 * 3600;

type Input = Readonly<Record<string, unknown>>;
type Item = Readonly<Record<string, object>>;

export class TimeToLive {
  readonly #path: string;
  readonly #backend: DynamoBackend;
  readonly #schemas: KeySchemas;
  readonly #now: () => number;
  readonly #attributes: Map<string, string>;

  constructor(options: { path: string; backend: DynamoBackend; schemas: KeySchemas; now: () => number }) {
    this.#path = options.path;
    this.#backend = options.backend;
    this.#schemas = options.schemas;
    this.#now = options.now;
    const stored = existsSync(options.path)
      ? (JSON.parse(readFileSync(options.path, 'utf8')) as Record<string, string>)
      : {};
    this.#attributes = new Map(Object.entries(stored));
  }

  /** Undefined turns it off. */
  set(tableName: string, attribute: string | undefined): void {
    if (this.#attributes.get(tableName) === attribute) return;
    if (attribute === undefined) this.#attributes.delete(tableName);
    else this.#attributes.set(tableName, attribute);
    writeFileSync(`${this.#path}.new`, JSON.stringify(Object.fromEntries(this.#attributes)));
    renameSync(`${this.#path}.new`, this.#path);
  }

  /** UpdateTimeToLive. */
  async update(input: Input): Promise<object> {
    const tableName = await this.#existing(input);
    const specification = (input['TimeToLiveSpecification'] ?? {}) as { AttributeName?: unknown; Enabled?: unknown };
    if (typeof specification.AttributeName !== 'string' || typeof specification.Enabled !== 'boolean') {
      throw new AwsError(
        400,
        'ValidationException',
        'TimeToLiveSpecification must have AttributeName (a string) and Enabled (a boolean).',
      );
    }
    this.set(tableName, specification.Enabled ? specification.AttributeName : undefined);
    return { TimeToLiveSpecification: specification };
  }

  /** DescribeTimeToLive. */
  async describe(input: Input): Promise<object> {
    const attribute = this.#attributes.get(await this.#existing(input));
    const description =
      attribute === undefined
        ? { TimeToLiveStatus: 'DISABLED' }
        : { TimeToLiveStatus: 'ENABLED', AttributeName: attribute };
    return { TimeToLiveDescription: description };
  }

  /** Deletes what has expired by now, and says how many items that were. */
  async sweep(): Promise<number> {
    let deleted = 0;
    for (const [tableName, attribute] of this.#attributes) deleted += await this.#sweepTable(tableName, attribute);
    return deleted;
  }

  async #sweepTable(tableName: string, attribute: string): Promise<number> {
    const keys = (await this.#schemas.describe(tableName))?.KeySchema.map(
      (element) => (element as { AttributeName: string }).AttributeName,
    );
    if (keys === undefined) return 0;
    const nowS = Math.floor(this.#now() / 1000);
    const expired = {
      ExpressionAttributeNames: { '#ttl': attribute },
      ExpressionAttributeValues: {
        ':now': { N: String(nowS) },
        ':oldest': { N: String(nowS - MAX_AGE_S) },
        ':number': { S: 'N' },
      },
    };
    const condition = 'attribute_type(#ttl, :number) AND #ttl < :now AND #ttl > :oldest';
    let deleted = 0;
    let start: Item | undefined;
    do {
      const page = await this.#backend.call<{ Items: readonly Item[]; LastEvaluatedKey?: Item }>('Scan', {
        TableName: tableName,
        FilterExpression: condition,
        ...expired,
        ...(start && { ExclusiveStartKey: start }),
      });
      for (const item of page.Items) {
        const key = Object.fromEntries(keys.map((name) => [name, item[name]]));
        // The condition again: the item may have been renewed since.
        const answer = await this.#backend.send(
          'DeleteItem',
          JSON.stringify({ TableName: tableName, Key: key, ConditionExpression: condition, ...expired }),
        );
        if (answer.status === 200) deleted++;
      }
      start = page.LastEvaluatedKey;
    } while (start !== undefined);
    return deleted;
  }

  async #existing(input: Input): Promise<string> {
    const tableName = typeof input['TableName'] === 'string' ? input['TableName'] : '';
    if (await this.#schemas.describe(tableName)) return tableName;
    throw new AwsError(400, 'ResourceNotFoundException', `Requested resource not found: Table: ${tableName} not found`);
  }
}
