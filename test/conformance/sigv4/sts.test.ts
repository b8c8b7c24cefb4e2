/** STS through the real SDK client: who may assume a role, with which tags, and for how long. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AssumeRoleCommand, GetCallerIdentityCommand, GetSessionTokenCommand } from '@aws-sdk/client-sts';
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { ACCOUNT, BUCKET, failure, lambdaRole, startTestCloud } from './start-cloud.ts';
import type { AssumeRoleCommandInput } from '@aws-sdk/client-sts';
import type { AwsCredentials, PolicyStatement, RoleDefinition } from '../../../harness/aws/index.ts';
import type { TestCloud } from './start-cloud.ts';

const arnOf = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;
const trusting = (
  name: string,
  trust: readonly PolicyStatement[],
  more: Partial<RoleDefinition> = {},
): RoleDefinition => ({ ...lambdaRole(name, [], trust), ...more });
const byFn = (Action: string | string[], Condition?: PolicyStatement['Condition']): PolicyStatement => ({
  Effect: 'Allow',
  Action,
  Principal: { AWS: arnOf('fn') },
  ...(Condition && { Condition }),
});

let aws: TestCloud;
let fn: AwsCredentials;
beforeAll(async () => {
  aws = await startTestCloud({
    roles: [
      lambdaRole('fn', []),
      lambdaRole('other', [{ Effect: 'Allow', Action: 'sts:*', Resource: '*' }]),
      // As CDK's SessionTagsPrincipal synthesizes it.
      trusting(
        'tenant',
        [
          byFn('sts:AssumeRole', { StringLike: { 'aws:RequestTag/TenantId': '*' } }),
          byFn('sts:TagSession', { StringLike: { 'aws:RequestTag/TenantId': '*' } }),
        ],
        {
          policies: [
            {
              Version: '2012-10-17',
              Statement: {
                Effect: 'Allow',
                Action: 's3:*',
                Resource: [`arn:aws:s3:::${BUCKET}`, `arn:aws:s3:::${BUCKET}/*`],
              },
            },
          ],
        },
      ),
      trusting('untagged', [byFn('sts:AssumeRole')]),
      trusting(
        'account',
        [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` } }],
        { maxSessionDurationS: 7200 },
      ),
      trusting('external', [byFn('sts:AssumeRole', { StringEquals: { 'sts:ExternalId': 'secret' } })]),
      trusting('chain', [
        { Effect: 'Allow', Action: ['sts:AssumeRole', 'sts:TagSession'], Principal: { AWS: arnOf('tenant') } },
      ]),
    ],
  });
  fn = aws.cloud.issueRoleCredentials(arnOf('fn'), { sessionName: 'fn-1' });
});
afterAll(() => aws.stop());

const assume = (role: string, more: Partial<AssumeRoleCommandInput> = {}, as: AwsCredentials = fn) =>
  aws.sts(as).send(new AssumeRoleCommand({ RoleArn: arnOf(role), RoleSessionName: 'session', ...more }));
const tags = (...pairs: [string, string][]) => ({ Tags: pairs.map(([Key, Value]) => ({ Key, Value })) });
async function assumed(...parameters: Parameters<typeof assume>): Promise<AwsCredentials> {
  const { AccessKeyId, SecretAccessKey, SessionToken } = (await assume(...parameters)).Credentials!;
  return { accessKeyId: AccessKeyId!, secretAccessKey: SecretAccessKey!, sessionToken: SessionToken! };
}

describe('GetCallerIdentity', () => {
  it('names the operator, a function and a session', async () => {
    const identity = async (credentials?: AwsCredentials) =>
      (await aws.sts(credentials).send(new GetCallerIdentityCommand({}))).Arn;

    expect(await identity()).toBe(`arn:aws:iam::${ACCOUNT}:user/operator`);
    expect(await identity(fn)).toBe(`arn:aws:sts::${ACCOUNT}:assumed-role/fn/fn-1`);
    expect(await identity(await assumed('tenant', tags(['TenantId', 'a'])))).toBe(
      `arn:aws:sts::${ACCOUNT}:assumed-role/tenant/session`,
    );
  });
});

describe('AssumeRole', () => {
  it('gives credentials that work and say when they end', async () => {
    const answer = await assume('tenant', { ...tags(['TenantId', 'a']), DurationSeconds: 900 });
    const credentials = await assumed('tenant', tags(['TenantId', 'a']));

    await aws.s3(credentials).send(new PutObjectCommand({ Bucket: BUCKET, Key: 'x', Body: 'x' }));
    expect(answer.AssumedRoleUser!.Arn).toBe(`arn:aws:sts::${ACCOUNT}:assumed-role/tenant/session`);
    const remainingS = (answer.Credentials!.Expiration!.getTime() - Date.now()) / 1000;
    expect(remainingS).toBeGreaterThan(890);
    expect(remainingS).toBeLessThanOrEqual(900);
  });

  it.each<[name: string, call: () => Promise<unknown>, action: string]>([
    ['without the tag that the trust demands', () => assume('tenant'), 'sts:AssumeRole'],
    ['with another tag', () => assume('tenant', tags(['Other', 'a'])), 'sts:AssumeRole'],
    [
      'with tags where the trust allows no tagging',
      () => assume('untagged', tags(['TenantId', 'a'])),
      'sts:TagSession',
    ],
    [
      'by a role that the trust does not name, whatever its own policies say',
      () =>
        assume('tenant', tags(['TenantId', 'a']), aws.cloud.issueRoleCredentials(arnOf('other'), { sessionName: 's' })),
      'sts:AssumeRole',
    ],
    ['by a role of the trusted account without a policy of its own', () => assume('account'), 'sts:AssumeRole'],
    ['with the wrong external id', () => assume('external', { ExternalId: 'guess' }), 'sts:AssumeRole'],
    ['of a role that does not exist', () => assume('nobody'), 'sts:AssumeRole'],
  ])('is denied %s', async (_name, call, action) => {
    const error = await failure(call());

    expect(error).toMatchObject({ name: 'AccessDenied', status: 403 });
    expect(error.message).toMatch(
      new RegExp(
        `^User: arn:aws:sts::${ACCOUNT}:assumed-role/\\w+/[\\w-]+ is not authorized to perform: ${action} on resource: arn:aws:iam::${ACCOUNT}:role/`,
      ),
    );
  });

  it('is allowed to what the trust names', async () => {
    await assume('untagged');
    await assume('external', { ExternalId: 'secret' });
    await assume('account', {}, aws.cloud.issueRoleCredentials(arnOf('other'), { sessionName: 's' }));
    await assume('account', { DurationSeconds: 7200 }, aws.cloud.operatorCredentials());
  });

  it.each<[name: string, input: Partial<AssumeRoleCommandInput>, code: string, text: string]>([
    ['under 15 minutes', { DurationSeconds: 899 }, 'ValidationError', '900'],
    ['over an hour, by a role', { DurationSeconds: 3601 }, 'ValidationError', 'role chaining'],
    [
      'with tags that differ by case only',
      tags(['TenantId', 'a'], ['tenantid', 'b']),
      'InvalidParameterValue',
      'Duplicate tag keys',
    ],
    ['with a tag of forbidden characters', tags(['TenantId', 'a*']), 'ValidationError', 'tag value'],
    ['with a session name of forbidden characters', { RoleSessionName: 'a b' }, 'ValidationError', 'RoleSessionName'],
    [
      'with a parameter that is not implemented',
      { SerialNumber: 'arn:aws:iam::1:mfa/x', TokenCode: '123456' },
      'InvalidAction',
      'SerialNumber',
    ],
  ])('is refused %s', async (_name, input, name, text) => {
    const error = await failure(
      assume(
        'account',
        input,
        input.DurationSeconds === undefined
          ? aws.cloud.operatorCredentials()
          : aws.cloud.issueRoleCredentials(arnOf('other'), { sessionName: 's' }),
      ),
    );

    expect(error).toMatchObject({ name, status: 400 });
    expect(error.message).toContain(text);
  });

  it('is refused beyond what the role allows', async () => {
    const error = await failure(assume('untagged', { DurationSeconds: 3601 }, aws.cloud.operatorCredentials()));

    // The operator is not named by the trust at all.
    expect(error).toMatchObject({ name: 'AccessDenied' });
    expect(
      (await failure(assume('account', { DurationSeconds: 7201 }, aws.cloud.operatorCredentials()))).message,
    ).toContain('MaxSessionDuration');
  });

  it('holds a session to its session policy', async () => {
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: { Effect: 'Allow', Action: 's3:PutObject', Resource: '*' },
    });
    const s3 = aws.s3(await assumed('tenant', { ...tags(['TenantId', 'a']), Policy }));

    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'x', Body: 'x' }));

    const error = await failure(s3.send(new ListObjectsV2Command({ Bucket: BUCKET })));
    expect(error.message).toContain('because no session policy allows the s3:ListBucket action');
  });

  it('hands transitive tags on, which the next session cannot change', async () => {
    const first = await assumed('tenant', { ...tags(['TenantId', 'a']), TransitiveTagKeys: ['TenantId'] });

    await assume('chain', {}, first);

    expect(await failure(assume('chain', tags(['TenantId', 'b']), first))).toMatchObject({
      name: 'InvalidParameterValue',
    });
  });

  it('is what STS has here; other actions fail by name', async () => {
    expect((await failure(aws.sts().send(new GetSessionTokenCommand({})))).message).toContain(
      "does not implement the action 'GetSessionToken'",
    );
  });
});
