/** The authorizer gate: the clock decides how long an answer is kept. */
import { describe, expect, test } from '@jest/globals';
import { AuthorizerGate } from '../../../harness/apigateway/authorizer.ts';
import type { RequestFacts } from '../../../harness/apigateway/proxy-event.ts';
import type { AuthorizerModel } from '../../../harness/template/index.ts';
import type { Json } from '../../../harness/template/json.ts';

const authorizer = (over: Partial<AuthorizerModel> = {}): AuthorizerModel => ({
  authorizerId: 'a1',
  name: 'auth',
  type: 'REQUEST',
  functionArn: 'arn:aws:lambda:us-east-1:123456789012:function:auth',
  identitySources: ['method.request.header.Authorization', 'context.httpMethod'],
  ttlS: 60,
  identityValidation: undefined,
  ...over,
});

function request(token: string | undefined, methodArn = 'arn:aws:execute-api:us-east-1:1:api/live/GET/a') {
  const facts = {
    httpMethod: 'GET',
    header: (name: string) => (name === 'Authorization' ? token : undefined),
    query: new URLSearchParams(),
  } as unknown as RequestFacts;
  return { sources: { facts, pathParameters: {}, stageVariables: {}, authorizer: {} }, methodArn, event: {} };
}

const policy = (
  Effect: string,
  Resource: string | string[],
  Action: string | string[] = 'execute-api:Invoke',
): Json => ({
  principalId: 'p',
  policyDocument: { Version: '2012-10-17', Statement: [{ Effect, Resource, Action }] },
});

function gate(answer: Json) {
  const clock = { nowMs: 0, calls: 0 };
  const call = async () => {
    clock.calls += 1;
    return { answer };
  };
  return { clock, gate: new AuthorizerGate(call, () => clock.nowMs) };
}

describe('the cache', () => {
  test('keeps an answer for its time to live, per identity', async () => {
    const { clock, gate: under } = gate(policy('Allow', '*'));
    for (const nowMs of [0, 59_999, 60_000]) {
      clock.nowMs = nowMs;
      await under.authorize(authorizer(), request('one'));
    }
    await under.authorize(authorizer(), request('two'));

    expect(clock.calls).toBe(3);
  });

  test('of 0 seconds keeps nothing', async () => {
    const { clock, gate: under } = gate(policy('Allow', '*'));
    await under.authorize(authorizer({ ttlS: 0 }), request('one'));
    await under.authorize(authorizer({ ttlS: 0 }), request('one'));

    expect(clock.calls).toBe(2);
  });
});

describe('the policy', () => {
  test.each([
    ['a wildcard for the stage', policy('Allow', 'arn:aws:execute-api:us-east-1:1:api/live/*'), undefined],
    ['the exact method', policy('Allow', ['arn:x', 'arn:aws:execute-api:us-east-1:1:api/live/GET/a']), undefined],
    ['any action of the service', policy('Allow', '*', ['execute-api:*']), undefined],
    ['a question mark', policy('Allow', 'arn:aws:execute-api:us-east-1:1:api/live/GET/?'), undefined],
    ['another method', policy('Allow', 'arn:aws:execute-api:us-east-1:1:api/live/POST/*'), 'ACCESS_DENIED'],
    ['another action', policy('Allow', '*', 's3:GetObject'), 'ACCESS_DENIED'],
    ['a deny', policy('Deny', '*'), 'ACCESS_DENIED'],
    ['a dot that is no wildcard', policy('Allow', 'arn:aws:execute-api:us-east-1:1:api/live/GET/.'), 'ACCESS_DENIED'],
  ])('with %s', async (_title, answer, refusal) => {
    const outcome = gate(answer).gate.authorize(authorizer(), request('t'));

    await (refusal === undefined
      ? expect(outcome).resolves.toMatchObject({ principalId: 'p' })
      : expect(outcome).rejects.toMatchObject({ responseType: refusal }));
  });
});

describe('an answer that is none', () => {
  test.each<[string, Json]>([
    ['nothing', null],
    ['no principal', { policyDocument: { Statement: [] } }],
    ['no policy', { principalId: 'p' }],
    ['an object in the context', { principalId: 'p', policyDocument: { Statement: [] }, context: { a: {} } }],
  ])('(%s) is a configuration error', async (_title, answer) => {
    await expect(gate(answer).gate.authorize(authorizer(), request('t'))).rejects.toMatchObject({
      responseType: 'AUTHORIZER_CONFIGURATION_ERROR',
    });
  });
});

test('a missing identity source is refused without asking', async () => {
  const { clock, gate: under } = gate(policy('Allow', '*'));

  await expect(under.authorize(authorizer(), request(undefined))).rejects.toMatchObject({
    responseType: 'UNAUTHORIZED',
  });
  expect(clock.calls).toBe(0);
});
