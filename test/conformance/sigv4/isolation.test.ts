/** Tenants held apart by IAM alone: the ABAC policies of a tenant role with a session tag, on every kind of call. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { ACCOUNT, BUCKET, CATALOG_TABLE, failure, lambdaRole, REGION, startTestCloud } from './start-cloud.ts';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { S3Client } from '@aws-sdk/client-s3';
import type { PolicyStatement } from '../../../harness/aws/index.ts';
import type { TestCloud } from './start-cloud.ts';

const TAG = '${aws:PrincipalTag/TenantId}';
const table = `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/catalog`;
const tenantStatements: PolicyStatement[] = [
  {
    Effect: 'Allow',
    Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
    Resource: `arn:aws:s3:::${BUCKET}/tenants/${TAG}/*`,
  },
  {
    Effect: 'Allow',
    Action: 's3:ListBucket',
    Resource: `arn:aws:s3:::${BUCKET}`,
    Condition: { StringLike: { 's3:prefix': `tenants/${TAG}/*` } },
  },
  {
    Effect: 'Allow',
    Action: [
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
      'dynamodb:DeleteItem',
      'dynamodb:Query',
      'dynamodb:BatchGetItem',
      'dynamodb:BatchWriteItem',
    ],
    Resource: table,
    Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [`TENANT#${TAG}`, `TENANT#${TAG}#*`] } },
  },
];
const trust = (Action: string): PolicyStatement => ({
  Effect: 'Allow',
  Action,
  Principal: { AWS: `arn:aws:iam::${ACCOUNT}:role/fn` },
  Condition: { StringLike: { 'aws:RequestTag/TenantId': '*' } },
});
const bucketPolicy: PolicyStatement[] = [
  {
    Effect: 'Deny',
    Action: 's3:*',
    Principal: '*',
    Resource: [`arn:aws:s3:::${BUCKET}`, `arn:aws:s3:::${BUCKET}/*`],
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  },
  {
    Effect: 'Deny',
    Action: 's3:DeleteObject',
    Principal: { AWS: '*' },
    Resource: `arn:aws:s3:::${BUCKET}/tenants/a/locked/*`,
  },
];

let aws: TestCloud;
let s3: S3Client;
let dynamodb: DynamoDBClient;
beforeAll(async () => {
  aws = await startTestCloud({
    tables: [CATALOG_TABLE],
    roles: [
      lambdaRole('fn', []),
      lambdaRole('tenant', tenantStatements, [trust('sts:AssumeRole'), trust('sts:TagSession')]),
    ],
    bucketPolicies: { [BUCKET]: { Version: '2012-10-17', Statement: bucketPolicy } },
  });
  for (const tenant of ['a', 'b', 'aa']) {
    await aws.s3().send(new PutObjectCommand({ Bucket: BUCKET, Key: `tenants/${tenant}/x`, Body: tenant }));
    await aws.dynamodb().send(
      new PutItemCommand({
        TableName: 'catalog',
        Item: { pk: { S: `TENANT#${tenant}` }, sk: { S: 'x' }, day: { S: 'monday' } },
      }),
    );
  }
  const fn = aws.cloud.issueRoleCredentials(`arn:aws:iam::${ACCOUNT}:role/fn`, { sessionName: 'fn' });
  const { Credentials } = await aws.sts(fn).send(
    new AssumeRoleCommand({
      RoleArn: `arn:aws:iam::${ACCOUNT}:role/tenant`,
      RoleSessionName: 'tenant-a',
      Tags: [{ Key: 'TenantId', Value: 'a' }],
    }),
  );
  const credentials = {
    accessKeyId: Credentials!.AccessKeyId!,
    secretAccessKey: Credentials!.SecretAccessKey!,
    sessionToken: Credentials!.SessionToken!,
  };
  s3 = aws.s3(credentials);
  dynamodb = aws.dynamodb(credentials);
});
afterAll(() => aws.stop());

const object = (Key: string) => ({ Bucket: BUCKET, Key });
const keyOf = (tenant: string) => ({ pk: { S: tenant }, sk: { S: 'x' } });

describe("tenant a's session", () => {
  it('works with its own objects', async () => {
    await s3.send(new PutObjectCommand({ ...object('tenants/a/y'), Body: 'y' }));
    await s3.send(new CopyObjectCommand({ ...object('tenants/a/z'), CopySource: `${BUCKET}/tenants/a/y` }));
    await s3.send(new GetObjectCommand(object('tenants/a/z')));
    await s3.send(new DeleteObjectCommand(object('tenants/a/z')));
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'tenants/a/' }));

    expect(Contents!.map((entry) => entry.Key)).toEqual(['tenants/a/x', 'tenants/a/y']);
  });

  it.each<[name: string, call: () => Promise<unknown>, action: string]>([
    ['get', () => s3.send(new GetObjectCommand(object('tenants/b/x'))), 's3:GetObject'],
    ['get by a prefix of the name', () => s3.send(new GetObjectCommand(object('tenants/aa/x'))), 's3:GetObject'],
    ['get outside the tenants', () => s3.send(new GetObjectCommand(object('other'))), 's3:GetObject'],
    [
      'get with dots, which are part of the key',
      () => s3.send(new GetObjectCommand(object('tenants/b/../a/x'))),
      's3:GetObject',
    ],
    ['get what is not there', () => s3.send(new GetObjectCommand(object('tenants/b/none'))), 's3:GetObject'],
    ['put', () => s3.send(new PutObjectCommand({ ...object('tenants/b/new'), Body: 'x' })), 's3:PutObject'],
    [
      'put with tags, which it may not',
      () => s3.send(new PutObjectCommand({ ...object('tenants/a/new'), Body: 'x', Tagging: 'a=1' })),
      's3:PutObjectTagging',
    ],
    [
      'copy from',
      () => s3.send(new CopyObjectCommand({ ...object('tenants/a/stolen'), CopySource: `${BUCKET}/tenants/b/x` })),
      's3:GetObject',
    ],
    [
      'copy to',
      () => s3.send(new CopyObjectCommand({ ...object('tenants/b/planted'), CopySource: `${BUCKET}/tenants/a/x` })),
      's3:PutObject',
    ],
    ['delete', () => s3.send(new DeleteObjectCommand(object('tenants/b/x'))), 's3:DeleteObject'],
    [
      'begin a multipart upload',
      () => s3.send(new CreateMultipartUploadCommand(object('tenants/b/multi'))),
      's3:PutObject',
    ],
    [
      'abort a multipart upload',
      () => s3.send(new AbortMultipartUploadCommand({ ...object('tenants/b/multi'), UploadId: 'x' })),
      's3:AbortMultipartUpload',
    ],
    ['list', () => s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'tenants/b/' })), 's3:ListBucket'],
    ['list all', () => s3.send(new ListObjectsV2Command({ Bucket: BUCKET })), 's3:ListBucket'],
    ['list buckets', () => s3.send(new ListBucketsCommand({})), 's3:ListAllMyBuckets'],
  ])("may not %s another's objects", async (_name, call, action) => {
    const error = await failure(call());

    expect(error).toMatchObject({ name: 'AccessDenied', status: 403 });
    expect(error.message).toContain(
      `User: arn:aws:sts::${ACCOUNT}:assumed-role/tenant/tenant-a is not authorized to perform: ${action} on resource: "`,
    );
    expect(error.message).toContain(`because no identity-based policy allows the ${action} action`);
  });

  it('learns nothing of a missing key by HEAD, not even its own: it may not list without a prefix', async () => {
    expect(await failure(s3.send(new HeadObjectCommand(object('tenants/b/x'))))).toMatchObject({ status: 403 });
    expect(await failure(s3.send(new HeadObjectCommand(object('tenants/a/none'))))).toMatchObject({ status: 403 });
    expect(await failure(aws.s3().send(new HeadObjectCommand(object('tenants/a/none'))))).toMatchObject({
      status: 404,
    });
  });

  it("deletes only its own of many, and the others' are errors of their keys", async () => {
    await s3.send(new PutObjectCommand({ ...object('tenants/a/mine'), Body: 'x' }));

    const { Deleted, Errors } = await s3.send(
      new DeleteObjectsCommand({
        Bucket: BUCKET,
        Delete: { Objects: [{ Key: 'tenants/a/mine' }, { Key: 'tenants/b/x' }] },
      }),
    );

    expect(Deleted).toEqual([{ Key: 'tenants/a/mine' }]);
    expect(Errors).toMatchObject([{ Key: 'tenants/b/x', Code: 'AccessDenied' }]);
    await aws.s3().send(new HeadObjectCommand(object('tenants/b/x')));
  });

  it("cannot do what the bucket's policy denies, nor can the operator", async () => {
    for (const client of [s3, aws.s3()]) {
      await client.send(new PutObjectCommand({ ...object('tenants/a/locked/x'), Body: 'x' }));
      expect((await failure(client.send(new DeleteObjectCommand(object('tenants/a/locked/x'))))).message).toContain(
        'with an explicit deny in a resource-based policy',
      );
    }
  });

  it('works with its own items, under its key and below it', async () => {
    for (const pk of ['TENANT#a', 'TENANT#a#jobs']) {
      const Key = { pk: { S: pk }, sk: { S: 'own' } };
      await dynamodb.send(new PutItemCommand({ TableName: 'catalog', Item: { ...Key, n: { N: '1' } } }));
      await dynamodb.send(
        new UpdateItemCommand({
          TableName: 'catalog',
          Key,
          UpdateExpression: 'ADD n :one',
          ExpressionAttributeValues: { ':one': { N: '1' } },
        }),
      );
      expect((await dynamodb.send(new GetItemCommand({ TableName: 'catalog', Key }))).Item!['n']).toEqual({ N: '2' });
      const query = {
        TableName: 'catalog',
        KeyConditionExpression: '#p = :p AND begins_with(sk, :s)',
        ExpressionAttributeNames: { '#p': 'pk' },
        ExpressionAttributeValues: { ':p': { S: pk }, ':s': { S: 'ow' } },
      };
      expect((await dynamodb.send(new QueryCommand(query))).Count).toBe(1);
    }
    const batch = {
      RequestItems: {
        catalog: { Keys: ['TENANT#a', 'TENANT#a#jobs'].map((pk) => ({ pk: { S: pk }, sk: { S: 'own' } })) },
      },
    };
    expect((await dynamodb.send(new BatchGetItemCommand(batch))).Responses!['catalog']).toHaveLength(2);
  });

  const b = 'TENANT#b';
  const values = { ':p': { S: b } };
  it.each<[name: string, call: () => Promise<unknown>, action: string]>([
    ['get', () => dynamodb.send(new GetItemCommand({ TableName: 'catalog', Key: keyOf(b) })), 'GetItem'],
    [
      'get by a prefix of the name',
      () => dynamodb.send(new GetItemCommand({ TableName: 'catalog', Key: keyOf('TENANT#aa') })),
      'GetItem',
    ],
    ['put', () => dynamodb.send(new PutItemCommand({ TableName: 'catalog', Item: keyOf(b) })), 'PutItem'],
    [
      'update',
      () =>
        dynamodb.send(
          new UpdateItemCommand({
            TableName: 'catalog',
            Key: keyOf(b),
            UpdateExpression: 'SET stolen = :p',
            ExpressionAttributeValues: values,
          }),
        ),
      'UpdateItem',
    ],
    ['delete', () => dynamodb.send(new DeleteItemCommand({ TableName: 'catalog', Key: keyOf(b) })), 'DeleteItem'],
    [
      'query',
      () =>
        dynamodb.send(
          new QueryCommand({
            TableName: 'catalog',
            KeyConditionExpression: 'pk = :p',
            ExpressionAttributeValues: values,
          }),
        ),
      'Query',
    ],
    [
      'query with the value first',
      () =>
        dynamodb.send(
          new QueryCommand({
            TableName: 'catalog',
            KeyConditionExpression: ':p = pk',
            ExpressionAttributeValues: values,
          }),
        ),
      'Query',
    ],
    [
      'query through a name',
      () =>
        dynamodb.send(
          new QueryCommand({
            TableName: 'catalog',
            KeyConditionExpression: '(#k=:p)',
            ExpressionAttributeNames: { '#k': 'pk' },
            ExpressionAttributeValues: values,
          }),
        ),
      'Query',
    ],
    [
      'query in the older way',
      () =>
        dynamodb.send(
          new QueryCommand({
            TableName: 'catalog',
            KeyConditions: { pk: { ComparisonOperator: 'EQ', AttributeValueList: [{ S: b }] } },
          }),
        ),
      'Query',
    ],
    [
      'batch get',
      () =>
        dynamodb.send(new BatchGetItemCommand({ RequestItems: { catalog: { Keys: [keyOf('TENANT#a'), keyOf(b)] } } })),
      'BatchGetItem',
    ],
    [
      'batch put',
      () =>
        dynamodb.send(
          new BatchWriteItemCommand({
            RequestItems: {
              catalog: [{ PutRequest: { Item: keyOf('TENANT#a') } }, { PutRequest: { Item: keyOf(b) } }],
            },
          }),
        ),
      'BatchWriteItem',
    ],
    [
      'batch delete',
      () =>
        dynamodb.send(new BatchWriteItemCommand({ RequestItems: { catalog: [{ DeleteRequest: { Key: keyOf(b) } }] } })),
      'BatchWriteItem',
    ],
    ['scan', () => dynamodb.send(new ScanCommand({ TableName: 'catalog' })), 'Scan'],
  ])("may not %s another's items", async (_name, call, action) => {
    const error = await failure(call());

    expect(error).toMatchObject({ name: 'AccessDeniedException', status: 400 });
    expect(error.message).toBe(
      `User: arn:aws:sts::${ACCOUNT}:assumed-role/tenant/tenant-a is not authorized to perform: dynamodb:${action} on resource: ${table} because no identity-based policy allows the dynamodb:${action} action`,
    );
  });

  it('may not reach through an index that it was not granted', async () => {
    const query = {
      TableName: 'catalog',
      IndexName: 'by_day',
      KeyConditionExpression: '#d = :d',
      ExpressionAttributeNames: { '#d': 'day' },
      ExpressionAttributeValues: { ':d': { S: 'monday' } },
    };

    expect((await failure(dynamodb.send(new QueryCommand(query)))).message).toContain(
      `on resource: ${table}/index/by_day`,
    );
    expect((await aws.dynamodb().send(new QueryCommand(query))).Count).toBe(3);
  });
});
