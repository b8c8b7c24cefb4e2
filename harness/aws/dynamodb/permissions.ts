/**
 * What a DynamoDB request needs: its action on the table or index, with `dynamodb:LeadingKeys`, the partition keys it
 * names. A Scan names none, so that ForAllValues holds for it: policies must not grant Scan, as in AWS.
 * Source: service authorization reference for DynamoDB; DynamoDB developer guide, "Using IAM policy conditions".
 */
import type { KeySchemas } from './key-schemas.ts';
import type { Permission } from '../service.ts';

type Input = Readonly<Record<string, unknown>>;
type AttributeValue = Readonly<Record<string, unknown>>;
type Item = Readonly<Record<string, AttributeValue>>;

interface Place {
  readonly schemas: KeySchemas;
  readonly accountId: string;
  readonly region: string;
}

/** Tables named by ARN or by name. */
const tableNameOf = (table: unknown): string => (typeof table === 'string' ? table : '').replace(/^arn:[^/]*\//, '');
const tableArn = (place: Place, name: string): string =>
  `arn:aws:dynamodb:${place.region}:${place.accountId}:table/${name}`;

/** The permissions of an operation; the input is not validated yet, dynalite does that afterwards. */
export async function permissionsOf(operation: string, input: Input, place: Place): Promise<readonly Permission[]> {
  const action = `dynamodb:${operation}`;
  switch (operation) {
    case 'ListTables':
      return [{ action, resource: '*' }];
    case 'TagResource':
    case 'UntagResource':
    case 'ListTagsOfResource':
      return [{ action, resource: typeof input['ResourceArn'] === 'string' ? input['ResourceArn'] : '*' }];
    case 'BatchGetItem':
    case 'BatchWriteItem':
      return batchPermissions(action, input, place);
    case 'Query':
    case 'Scan':
      return [await searchPermission(action, input, place)];
    default:
      return [await itemPermission(action, input, place)];
  }
}

async function itemPermission(action: string, input: Input, place: Place): Promise<Permission> {
  const table = tableNameOf(input['TableName']);
  const item = asItem(input['Key'] ?? input['Item']);
  const context = {
    ...(item && leadingKeys([item], await place.schemas.partitionKey(table))),
    ...(typeof input['ReturnValues'] === 'string' && { 'dynamodb:ReturnValues': input['ReturnValues'] }),
  };
  return { action, resource: tableArn(place, table), context };
}

async function batchPermissions(action: string, input: Input, place: Place): Promise<readonly Permission[]> {
  const tables = Object.entries(asRecord(input['RequestItems']));
  return Promise.all(
    tables.map(async ([name, request]) => {
      const table = tableNameOf(name);
      return {
        action,
        resource: tableArn(place, table),
        context: leadingKeys(batchItems(request), await place.schemas.partitionKey(table)),
      };
    }),
  );
}

/** BatchGet has `{Keys: [...]}`, BatchWrite a list of `{PutRequest: {Item}}` and `{DeleteRequest: {Key}}`. */
function batchItems(request: unknown): readonly Item[] {
  const entries: readonly unknown[] = Array.isArray(request) ? request : asList(asRecord(request)['Keys']);
  return entries.flatMap((entry) => {
    const { PutRequest: put, DeleteRequest: remove } = asRecord(entry);
    const item = asItem(
      put === undefined ? (remove === undefined ? entry : asRecord(remove)['Key']) : asRecord(put)['Item'],
    );
    return item === undefined ? [] : [item];
  });
}

async function searchPermission(action: string, input: Input, place: Place): Promise<Permission> {
  const table = tableNameOf(input['TableName']);
  const index = typeof input['IndexName'] === 'string' ? input['IndexName'] : undefined;
  const resource = tableArn(place, table) + (index === undefined ? '' : `/index/${index}`);
  const partitionKey = action === 'dynamodb:Query' ? await place.schemas.partitionKey(table, index) : undefined;
  const value = partitionKey === undefined ? undefined : queriedKey(input, partitionKey);
  const context = {
    // A Query whose key cannot be read must not pass as one that names no key.
    ...(partitionKey !== undefined && leadingKeys([{ [partitionKey]: value ?? { S: '' } }], partitionKey)),
    ...(typeof input['Select'] === 'string' && { 'dynamodb:Select': input['Select'] }),
  };
  return { action, resource, context };
}

/** The value a Query holds the partition key to: `name = :value` in either order, or the older KeyConditions. */
export function queriedKey(input: Input, partitionKey: string): AttributeValue | undefined {
  const older = asRecord(asRecord(input['KeyConditions'])[partitionKey]);
  if (older['AttributeValueList'] !== undefined) return asRecord(asList(older['AttributeValueList'])[0]);
  const expression = typeof input['KeyConditionExpression'] === 'string' ? input['KeyConditionExpression'] : '';
  const names = asRecord(input['ExpressionAttributeNames']);
  const values = asRecord(input['ExpressionAttributeValues']);
  for (const [, left = '', right = ''] of expression.matchAll(/([#:]?[\w.-]+)\s*=\s*([#:]?[\w.-]+)/g)) {
    const [name, value] = left.startsWith(':') ? [right, left] : [left, right];
    const attribute = name.startsWith('#') ? names[name] : name;
    if (attribute === partitionKey && value.startsWith(':')) return asRecord(values[value]);
  }
  return undefined;
}

function leadingKeys(items: readonly Item[], partitionKey: string | undefined): Record<string, readonly string[]> {
  if (partitionKey === undefined) return {};
  const values = items.flatMap((item) => {
    const [text] = Object.values(item[partitionKey] ?? {});
    return typeof text === 'string' ? [text] : [];
  });
  return { 'dynamodb:LeadingKeys': [...new Set(values)] };
}

const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const asItem = (value: unknown): Item | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Item) : undefined;
