/** Which attribute is the partition key of a table or index, asked of dynalite once and remembered. */
import { DynamoCallError } from './backend.ts';
import type { DynamoBackend } from './backend.ts';

interface KeyElement {
  readonly AttributeName: string;
  readonly KeyType: 'HASH' | 'RANGE';
}

interface IndexDescription {
  readonly IndexName: string;
  readonly KeySchema: readonly KeyElement[];
}

export interface TableDescription {
  readonly TableStatus: string;
  readonly KeySchema: readonly KeyElement[];
  readonly GlobalSecondaryIndexes?: readonly IndexDescription[];
  readonly LocalSecondaryIndexes?: readonly IndexDescription[];
}

export class KeySchemas {
  readonly #backend: DynamoBackend;
  readonly #tables = new Map<string, TableDescription>();

  constructor(backend: DynamoBackend) {
    this.#backend = backend;
  }

  /** The table as it is now, undefined where there is none. */
  async describe(tableName: string): Promise<TableDescription | undefined> {
    try {
      return (await this.#backend.call<{ Table: TableDescription }>('DescribeTable', { TableName: tableName })).Table;
    } catch (error) {
      if (error instanceof DynamoCallError && ['ResourceNotFoundException', 'ValidationException'].includes(error.code))
        return undefined;
      throw error;
    }
  }

  /** Undefined where the table or index does not exist. */
  async partitionKey(tableName: string, indexName?: string): Promise<string | undefined> {
    const table = this.#tables.get(tableName) ?? (await this.describe(tableName));
    if (table === undefined) return undefined;
    this.#tables.set(tableName, table);
    const indexes = [...(table.GlobalSecondaryIndexes ?? []), ...(table.LocalSecondaryIndexes ?? [])];
    const schema =
      indexName === undefined ? table.KeySchema : indexes.find((index) => index.IndexName === indexName)?.KeySchema;
    return schema?.find((element) => element.KeyType === 'HASH')?.AttributeName;
  }

  forget(tableName: string): void {
    this.#tables.delete(tableName);
  }
}
