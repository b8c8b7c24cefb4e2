/** Tenon's three tables in a local DynamoDB, and document clients for them. */
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { startTestCloud } from '../sigv4/start-cloud.ts';
import type { TestCloud } from '../sigv4/start-cloud.ts';

export const TABLES = { tenants: 'tenants', quotas: 'quotas', catalog: 'catalog' } as const;

export interface StoresCloud extends TestCloud {
  documents(): DynamoDBDocumentClient;
}

export async function startStoresCloud(): Promise<StoresCloud> {
  const cloud = await startTestCloud({
    tables: Object.values(TABLES).map((TableName) => ({
      TableName,
      AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      BillingMode: 'PAY_PER_REQUEST',
      TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
    })),
  });
  return {
    ...cloud,
    documents: () =>
      DynamoDBDocumentClient.from(cloud.dynamodb(), { marshallOptions: { removeUndefinedValues: true } }),
  };
}

/** A clock that stands until it is moved. */
export class TestClock {
  #nowMs: number;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }
}
