/** Makes the tables of the template: `Properties` of AWS::DynamoDB::Table in, a table in dynalite out. */
import type { DynamoBackend } from './backend.ts';
import type { KeySchemas, TableDescription } from './key-schemas.ts';
import type { TimeToLive } from './ttl.ts';

interface IndexProperties {
  readonly IndexName: string;
  readonly KeySchema: readonly object[];
  readonly Projection: object;
  readonly ProvisionedThroughput?: object;
}

/** Properties of AWS::DynamoDB::Table (or GlobalTable) with intrinsics resolved; others than these have no local effect. */
export interface TableDefinition {
  readonly TableName: string;
  readonly AttributeDefinitions: readonly object[];
  readonly KeySchema: readonly object[];
  readonly BillingMode?: string;
  readonly ProvisionedThroughput?: object;
  readonly GlobalSecondaryIndexes?: readonly IndexProperties[];
  readonly LocalSecondaryIndexes?: readonly IndexProperties[];
  readonly TimeToLiveSpecification?: { readonly AttributeName?: string; readonly Enabled: boolean };
}

const POLL_MS = 20;
const MAX_POLLS = 500;

/** Makes the table where it is missing and waits until it is ACTIVE; throws where one with other keys stands there. */
export async function ensureTable(
  parts: { backend: DynamoBackend; schemas: KeySchemas; ttl: TimeToLive },
  definition: TableDefinition,
): Promise<void> {
  const { backend, schemas, ttl } = parts;
  const existing = await schemas.describe(definition.TableName);
  if (existing) demandSameKeys(definition, existing);
  else await backend.call('CreateTable', createInput(definition));
  await waitUntilActive(schemas, definition.TableName);
  schemas.forget(definition.TableName);
  const attribute = definition.TimeToLiveSpecification;
  ttl.set(definition.TableName, attribute?.Enabled === true ? attribute.AttributeName : undefined);
}

function createInput(definition: TableDefinition): object {
  const { TableName, AttributeDefinitions, KeySchema, ProvisionedThroughput } = definition;
  // A GlobalTable states its capacity elsewhere; without one the table is on demand.
  const billing = ProvisionedThroughput
    ? { BillingMode: 'PROVISIONED', ProvisionedThroughput }
    : { BillingMode: 'PAY_PER_REQUEST' };
  const indexInput = ({
    IndexName,
    KeySchema: keys,
    Projection,
    ProvisionedThroughput: throughput,
  }: IndexProperties) => ({
    IndexName,
    KeySchema: keys,
    Projection,
    ...(ProvisionedThroughput && throughput && { ProvisionedThroughput: throughput }),
  });
  const { GlobalSecondaryIndexes: global = [], LocalSecondaryIndexes: local = [] } = definition;
  return {
    TableName,
    AttributeDefinitions,
    KeySchema,
    ...billing,
    ...(global.length > 0 && { GlobalSecondaryIndexes: global.map(indexInput) }),
    ...(local.length > 0 && { LocalSecondaryIndexes: local.map(indexInput) }),
  };
}

function demandSameKeys(definition: TableDefinition, existing: TableDescription): void {
  const shape = (
    table: Pick<TableDefinition, 'KeySchema'> & {
      [K in 'GlobalSecondaryIndexes' | 'LocalSecondaryIndexes']?: readonly {
        IndexName: string;
        KeySchema: readonly object[];
      }[];
    },
  ) =>
    JSON.stringify({
      keys: table.KeySchema,
      indexes: [...(table.GlobalSecondaryIndexes ?? []), ...(table.LocalSecondaryIndexes ?? [])]
        .map(({ IndexName, KeySchema }) => [IndexName, KeySchema])
        .sort(),
    });
  const [expected, got] = [shape(definition), shape(existing)];
  if (expected === got) return;
  throw new Error(
    `dynamodb table ${definition.TableName}: the template has keys and indexes ${expected}, the stored table has ${got}. ` +
      'The local DynamoDB cannot change them: delete the data directory to start anew.',
  );
}

async function waitUntilActive(schemas: KeySchemas, tableName: string): Promise<void> {
  for (let poll = 0; poll < MAX_POLLS; poll++) {
    if ((await schemas.describe(tableName))?.TableStatus === 'ACTIVE') return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`dynamodb table ${tableName}: not ACTIVE after ${(POLL_MS * MAX_POLLS) / 1000} s`);
}
