/** A service that is plugged into the endpoint, as Lambda is: signed, allowed by policies of role and resource, errors in REST JSON. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ACCOUNT, failure, lambdaRole, REGION, startTestCloud } from './start-cloud.ts';
import { send, signRequest } from './signed-fetch.ts';
import { AwsError } from '../../../harness/aws/index.ts';
import type { AwsCredentials, AwsService } from '../../../harness/aws/index.ts';
import type { TestCloud } from './start-cloud.ts';

const arnOf = (name: string) => `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`;
const nameOf = (rawPath: string) =>
  decodeURIComponent(rawPath.split('/')[3] ?? '')
    .split(':')
    .at(-1)!;

/** Answers an invocation with what it got. */
const echo: AwsService = {
  name: 'lambda',
  protocol: 'rest-json',
  permissions: async ({ rawPath }) => [{ action: 'lambda:InvokeFunction', resource: arnOf(nameOf(rawPath)) }],
  resourcePolicy: (resource) =>
    resource.endsWith(':shared')
      ? {
          Version: '2012-10-17',
          Statement: {
            Effect: 'Allow',
            Action: 'lambda:InvokeFunction',
            Resource: resource,
            Principal: { AWS: `arn:aws:iam::${ACCOUNT}:role/nobody` },
          },
        }
      : undefined,
  handle: async (request, response) => {
    if (nameOf(request.rawPath) === 'missing')
      throw new AwsError(404, 'ResourceNotFoundException', 'Function not found');
    const body = Buffer.concat([await request.body(), Buffer.from(` from ${request.principal!.arn}`)]);
    response.writeHead(200, { 'content-length': String(body.length) });
    response.end(body);
  },
};

let aws: TestCloud;
beforeAll(async () => {
  const caller = lambdaRole('caller', [
    { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: [arnOf('mine'), arnOf('missing')] },
  ]);
  aws = await startTestCloud({ roles: [caller, lambdaRole('nobody', [])], extraServices: [echo] });
});
afterAll(() => aws.stop());

async function invoke(role: string, FunctionName: string, change: Partial<AwsCredentials> = {}): Promise<string> {
  const credentials = {
    ...aws.cloud.issueRoleCredentials(`arn:aws:iam::${ACCOUNT}:role/${role}`, { sessionName: 's' }),
    ...change,
  };
  const client = new LambdaClient({ endpoint: aws.cloud.url, region: REGION, credentials, maxAttempts: 1 });
  try {
    const { Payload } = await client.send(new InvokeCommand({ FunctionName, Payload: Buffer.from('hello') }));
    return Payload!.transformToString();
  } finally {
    client.destroy();
  }
}

describe('a plugged service', () => {
  it('is called by who may call it, by name or ARN', async () => {
    const answer = `hello from arn:aws:sts::${ACCOUNT}:assumed-role/caller/s`;

    expect(await invoke('caller', 'mine')).toBe(answer);
    expect(await invoke('caller', arnOf('mine'))).toBe(answer);
    expect(await invoke('nobody', 'shared')).toContain('assumed-role/nobody/s');
  });

  it('refuses the others in its own words', async () => {
    const error = await failure(invoke('caller', 'other'));

    expect(error).toMatchObject({ name: 'AccessDeniedException', status: 403 });
    expect(error.message).toBe(
      `User: arn:aws:sts::${ACCOUNT}:assumed-role/caller/s is not authorized to perform: lambda:InvokeFunction on resource: ${arnOf('other')} because no identity-based policy allows the lambda:InvokeFunction action`,
    );
    expect(await failure(invoke('caller', 'mine', { secretAccessKey: 'wrong' }))).toMatchObject({
      name: 'InvalidSignatureException',
      status: 403,
    });
    expect(await failure(invoke('caller', 'missing'))).toMatchObject({
      name: 'ResourceNotFoundException',
      status: 404,
    });
  });

  it('is reached by clients that sign the path twice encoded and send no hash of the body', async () => {
    // As botocore does: the hash is in the signature only.
    const request = {
      method: 'POST',
      path: `/2015-03-31/functions/${encodeURIComponent(arnOf('mine'))}/invocations`,
      headers: {},
      body: 'hello',
    };
    const { 'x-amz-content-sha256': _hash, ...headers } = (
      await signRequest(aws.cloud.url, request, {
        credentials: aws.cloud.operatorCredentials(),
        service: 'lambda',
        applyChecksum: false,
      })
    ).headers;

    const answer = await send(aws.cloud.url, { ...request, headers });
    const changed = await send(aws.cloud.url, { ...request, headers, body: 'hellO' });

    expect([answer.status, answer.body]).toEqual([200, `hello from arn:aws:iam::${ACCOUNT}:user/operator`]);
    expect([changed.status, changed.headers['x-amzn-errortype']]).toEqual([403, 'InvalidSignatureException']);
  });

  it('is not reached without a signature', async () => {
    const answer = await send(aws.cloud.url, {
      method: 'POST',
      path: '/2015-03-31/functions/mine/invocations',
      headers: {},
      body: '{}',
    });

    expect([answer.status, answer.headers['x-amzn-errortype']]).toEqual([403, 'MissingAuthenticationTokenException']);
  });
});
