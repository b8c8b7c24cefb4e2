/** The local DynamoDB through the real SDK clients. */
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { startTestCloud } from '../sigv4/start-cloud.ts';
import type { TestCloud } from '../sigv4/start-cloud.ts';

let aws: TestCloud;
beforeAll(async () => {
  const table = {
    TableName: 'catalog',
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }, { AttributeName: 'sk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }, { AttributeName: 'sk', KeyType: 'RANGE' }],
    BillingMode: 'PAY_PER_REQUEST',
  };
  aws = await startTestCloud({ tables: [table] });
});
afterAll(() => aws.stop());

describe('items', () => {
  it('gives back an item that was put', async () => {
    const dynamodb = aws.dynamodb();
    await dynamodb.send(new PutItemCommand({ TableName: 'catalog', Item: { pk: { S: 'TENANT#a' }, sk: { S: 'x' }, n: { N: '1' } } }));

    const got = await dynamodb.send(new GetItemCommand({ TableName: 'catalog', Key: { pk: { S: 'TENANT#a' }, sk: { S: 'x' } } }));

    expect(got.Item).toEqual({ pk: { S: 'TENANT#a' }, sk: { S: 'x' }, n: { N: '1' } });
  });
});
