/** The local DynamoDB through the real SDK clients: what Tenon's patterns rest on, and what fails by name. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  ExecuteStatementCommand,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand, GetCommand } from '@aws-sdk/lib-dynamodb';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ACCOUNT, CATALOG_TABLE, failure, REGION, startTestCloud } from '../sigv4/start-cloud.ts';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { TestCloud } from '../sigv4/start-cloud.ts';

let aws: TestCloud;
let dynamodb: DynamoDBClient;
let nowMs: number | undefined;
beforeAll(async () => {
  aws = await startTestCloud({ tables: [CATALOG_TABLE], now: () => nowMs ?? Date.now() });
  dynamodb = aws.dynamodb();
});
afterAll(() => aws.stop());

const TableName = 'catalog';
const key = (pk: string, sk = 'x') => ({ pk: { S: pk }, sk: { S: sk } });
const get = async (pk: string, sk = 'x') =>
  (await dynamodb.send(new GetItemCommand({ TableName, Key: key(pk, sk), ConsistentRead: true }))).Item;

describe('the table of the template', () => {
  it('is made with its keys, index, account and region', async () => {
    const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName }));

    expect(Table).toMatchObject({
      TableStatus: 'ACTIVE',
      TableArn: `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/catalog`,
      KeySchema: CATALOG_TABLE.KeySchema,
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      GlobalSecondaryIndexes: [{ IndexName: 'by_day', IndexStatus: 'ACTIVE' }],
    });
    expect((await dynamodb.send(new ListTablesCommand({}))).TableNames).toEqual([TableName]);
  });

  it('keeps its items over a restart, and refuses to start with other keys', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'aws-tables-'));
    try {
      const first = await startTestCloud({ dataDir, tables: [CATALOG_TABLE] });
      await first.dynamodb().send(new PutItemCommand({ TableName, Item: key('kept') }));
      await first.stop();
      const second = await startTestCloud({ dataDir, tables: [CATALOG_TABLE] });
      const got = await second.dynamodb().send(new GetItemCommand({ TableName, Key: key('kept') }));
      await second.stop();

      expect(got.Item).toEqual(key('kept'));
      const changed = { ...CATALOG_TABLE, GlobalSecondaryIndexes: [] };
      await expect(startTestCloud({ dataDir, tables: [changed] })).rejects.toThrow(
        'dynamodb table catalog: the template has keys and indexes',
      );
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});

describe('items', () => {
  it('keep every type', async () => {
    const client = DynamoDBDocumentClient.from(dynamodb);
    const item = {
      pk: 'types',
      sk: 'x',
      text: 'ü',
      number: 1.5,
      yes: true,
      nothing: null,
      list: [1, 'a', { b: 2 }],
      bytes: new Uint8Array([1, 2]),
      set: new Set(['a', 'b']),
    };

    await client.send(new PutCommand({ TableName, Item: item }));

    expect((await client.send(new GetCommand({ TableName, Key: { pk: 'types', sk: 'x' } }))).Item).toEqual(item);
  });

  it('are written under conditions with one winner', async () => {
    const put = (value: number) =>
      dynamodb.send(
        new PutItemCommand({
          TableName,
          Item: { ...key('race'), n: { N: String(value) } },
          ConditionExpression: 'attribute_not_exists(pk)',
        }),
      );

    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, (_, index) => put(index)));

    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    expect(
      outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [(outcome.reason as Error).name] : [])),
    ).toEqual(Array.from({ length: 49 }, () => 'ConditionalCheckFailedException'));
  });

  it('count without losing one', async () => {
    const add = () =>
      dynamodb.send(
        new UpdateItemCommand({
          TableName,
          Key: key('count'),
          UpdateExpression: 'ADD n :one',
          ExpressionAttributeValues: { ':one': { N: '1' } },
        }),
      );

    await Promise.all(Array.from({ length: 50 }, add));

    expect((await get('count'))!['n']).toEqual({ N: '50' });
  });

  it('hold a quota in one conditional write', async () => {
    const take = (n: number) =>
      dynamodb.send(
        new UpdateItemCommand({
          TableName,
          Key: key('quota'),
          UpdateExpression: 'SET lim = if_not_exists(lim, :lim) ADD used :n',
          ConditionExpression: 'attribute_not_exists(used) OR used <= :room',
          ExpressionAttributeValues: { ':lim': { N: '10' }, ':n': { N: String(n) }, ':room': { N: String(10 - n) } },
        }),
      );
    await take(4);
    await take(4);

    expect(await failure(take(4))).toMatchObject({ name: 'ConditionalCheckFailedException' });
    await take(2);
    expect((await get('quota'))!['used']).toEqual({ N: '10' });
  });

  it('come in the order of the sort key, in pages, from table and index', async () => {
    const items = Array.from({ length: 25 }, (_, index) => ({
      ...key('list', String(index).padStart(2, '0')),
      day: { S: 'friday' },
    }));
    await dynamodb.send(
      new BatchWriteItemCommand({ RequestItems: { [TableName]: items.map((Item) => ({ PutRequest: { Item } })) } }),
    );
    const values = { ':p': { S: 'list' } };

    const first = await dynamodb.send(
      new QueryCommand({ TableName, KeyConditionExpression: 'pk = :p', ExpressionAttributeValues: values, Limit: 20 }),
    );
    const rest = await dynamodb.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: 'pk = :p',
        ExpressionAttributeValues: values,
        ExclusiveStartKey: first.LastEvaluatedKey,
      }),
    );
    const index = await dynamodb.send(
      new QueryCommand({
        TableName,
        IndexName: 'by_day',
        KeyConditionExpression: '#d = :d',
        ExpressionAttributeNames: { '#d': 'day' },
        ExpressionAttributeValues: { ':d': { S: 'friday' } },
        ScanIndexForward: false,
        Limit: 2,
      }),
    );

    expect([...first.Items!, ...rest.Items!].map((item) => item['sk']!.S)).toEqual(items.map((item) => item.sk.S));
    expect(index.Items!.map((item) => item['sk']!.S)).toEqual(['24', '23']);
    const batch = await dynamodb.send(
      new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: [key('list', '00'), key('list', '99')] } } }),
    );
    expect(batch.Responses![TableName]).toEqual([items[0]]);
    expect(
      (
        await dynamodb.send(
          new ScanCommand({
            TableName,
            FilterExpression: 'pk = :p AND sk < :s',
            ExpressionAttributeValues: { ...values, ':s': { S: '05' } },
          }),
        )
      ).Count,
    ).toBe(5);
  });

  it('are deleted, giving the old value', async () => {
    await dynamodb.send(new PutItemCommand({ TableName, Item: key('gone') }));

    const { Attributes } = await dynamodb.send(
      new DeleteItemCommand({ TableName, Key: key('gone'), ReturnValues: 'ALL_OLD' }),
    );

    expect(Attributes).toEqual(key('gone'));
    expect(await get('gone')).toBeUndefined();
  });
});

describe('time to live', () => {
  it('is on as the template says, and can be changed', async () => {
    const describe = async () =>
      (await dynamodb.send(new DescribeTimeToLiveCommand({ TableName }))).TimeToLiveDescription;
    expect(await describe()).toEqual({ TimeToLiveStatus: 'ENABLED', AttributeName: 'ttl' });

    await dynamodb.send(
      new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: false } }),
    );
    expect(await describe()).toEqual({ TimeToLiveStatus: 'DISABLED' });

    await dynamodb.send(
      new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true } }),
    );
    expect(await describe()).toEqual({ TimeToLiveStatus: 'ENABLED', AttributeName: 'ttl' });
  });

  it('sweeps what has expired, and nothing else', async () => {
    const nowS = Math.floor(Date.now() / 1000);
    const ttl: [name: string, value: { N: string } | { S: string }][] = [
      ['soon', { N: String(nowS + 60) }],
      ['later', { N: String(nowS + 6000) }],
      ['no time at all', { S: String(nowS) }],
      ['ten years ago', { N: String(nowS - 10 * 365 * 86_400) }],
    ];
    for (const [name, value] of ttl)
      await dynamodb.send(new PutItemCommand({ TableName, Item: { ...key('ttl', name), ttl: value } }));
    expect(await aws.cloud.sweepExpiredItems()).toBe(0);

    nowMs = Date.now() + 120_000;
    const swept = await aws.cloud.sweepExpiredItems();
    nowMs = undefined;

    expect(swept).toBe(1);
    expect(await get('ttl', 'soon')).toBeUndefined();
    for (const [name] of ttl.slice(1)) expect(await get('ttl', name)).toBeDefined();
  });
});

describe('what is not implemented or not right', () => {
  const Put = { TableName, Item: key('never') };
  it.each<[name: string, call: () => Promise<unknown>, error: string, text: string]>([
    [
      'TransactWriteItems',
      () => dynamodb.send(new TransactWriteItemsCommand({ TransactItems: [{ Put }] })),
      'UnknownOperationException',
      'TransactWriteItems',
    ],
    [
      'ExecuteStatement',
      () => dynamodb.send(new ExecuteStatementCommand({ Statement: 'SELECT * FROM catalog' })),
      'UnknownOperationException',
      'ExecuteStatement',
    ],
    [
      'ReturnValuesOnConditionCheckFailure',
      () =>
        dynamodb.send(
          new PutItemCommand({
            ...Put,
            ConditionExpression: 'attribute_exists(pk)',
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        ),
      'ValidationException',
      'ReturnValuesOnConditionCheckFailure',
    ],
    [
      'a missing table',
      () => dynamodb.send(new GetItemCommand({ TableName: 'nowhere', Key: key('x') })),
      'ResourceNotFoundException',
      'not found',
    ],
    [
      'a wrong key',
      () => dynamodb.send(new GetItemCommand({ TableName, Key: { pk: { S: 'x' } } })),
      'ValidationException',
      'does not match the schema',
    ],
    [
      'a broken expression',
      () => dynamodb.send(new UpdateItemCommand({ TableName, Key: key('x'), UpdateExpression: 'SETT a = :b' })),
      'ValidationException',
      'UpdateExpression',
    ],
  ])('fails by name: %s', async (_name, call, name, text) => {
    const error = await failure(call());

    expect(error).toMatchObject({ name, status: 400 });
    expect(error.message).toContain(text);
  });
});
