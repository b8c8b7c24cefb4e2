import { describe, expect, it } from '@jest/globals';
import type { APIGatewayProxyEvent } from 'aws-lambda';
import { ServiceError } from '../../../shared/errors.ts';
import { gatewayHandler, routeOf } from '../../../shared/http/gateway.ts';
import { INFERENCE_SPECS } from '../../../shared/http/spec/inference.ts';
import type { Operations } from '../../../shared/http/operation.ts';
import { IdempotencyKeys } from '../../../shared/stores/idempotency.ts';
import type { Claim } from '../../../shared/stores/idempotency.ts';

/** Keys in memory, under the rules of the store: the store itself is tested against DynamoDB end to end. */
class KeysInMemory extends IdempotencyKeys {
  readonly #items = new Map<string, { hash: string; answer?: string }>();

  constructor() {
    super(undefined as never, '', { tenantId: 'acme', clock: { nowMs: () => 0 } });
  }

  override async claim(id: string, hash: string): Promise<Claim> {
    const item = this.#items.get(id);
    if (item === undefined) {
      this.#items.set(id, { hash });
      return { kind: 'started', seed: `0 ${id}`, owner: '' };
    }
    if (item.hash !== hash) return { kind: 'mismatch' };
    return item.answer === undefined ? { kind: 'running' } : { kind: 'done', answer: item.answer };
  }

  override async settle(id: string, answer: string): Promise<string> {
    this.#items.set(id, { hash: this.#items.get(id)?.hash ?? '', answer });
    return answer;
  }

  override async release(id: string): Promise<void> {
    this.#items.delete(id);
  }
}

const predictEvent = (name: string, body: string | null, headers: Record<string, string> = {}) =>
  ({
    httpMethod: 'POST',
    resource: '/v1/models/{name}',
    pathParameters: { name },
    queryStringParameters: null,
    headers,
    body,
    isBase64Encoded: false,
    requestContext: {
      requestId: 'req-1',
      path: '/prod/v1/x',
      authorizer: { tenant_id: 'acme', key_id: 'key_1', plan: 'free' },
    },
  }) as unknown as APIGatewayProxyEvent;

const echo: Operations<'predict'> = {
  predict: async ({ caller, params, body }) => ({
    body: { predictions: body.instances, model: `${caller?.tenantId ?? ''}/${params['ref'] ?? ''}`, model_version: 1 },
  }),
};

function handlerOf(operations: Operations<'predict'>, errors: unknown[] = []) {
  const keys = new KeysInMemory();
  return gatewayHandler({
    specs: INFERENCE_SPECS,
    operations,
    admit: async () => ({ ratelimit: '"requests";r=1;t=1' }),
    idempotencyKeys: () => keys,
    onInternalError: (error) => errors.push(error),
  });
}

describe('routeOf', () => {
  it.each([
    ['digits:predict', 'digits'],
    ['digits:3:predict', 'digits:3'],
    ['digits@live:predict', 'digits@live'],
    ['digits%3A3%3Apredict', 'digits:3'],
  ])('reads the reference out of %s', (name, ref) => {
    const { route, params } = routeOf(predictEvent(name, null));

    expect(route.operation).toBe('predict');
    expect(params).toEqual({ ref });
  });

  it('does not know other verbs', () => {
    expect(() => routeOf(predictEvent('digits:destroy', null))).toThrow(ServiceError);
  });
});

describe('gatewayHandler', () => {
  it('answers with the request id and the headers of the limits', async () => {
    const answer = await handlerOf(echo)(predictEvent('digits:predict', '{"instances":[1]}'));

    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({ 'x-request-id': 'req-1', ratelimit: '"requests";r=1;t=1' });
    expect(JSON.parse(answer.body)).toEqual({ predictions: [1], model: 'acme/digits', model_version: 1 });
  });

  it('takes the caller from the authorizer and never from a header', async () => {
    const event = predictEvent('digits:predict', '{"instances":[1]}', {
      'X-Amz-Tenant-Id': 'other',
      tenant_id: 'other',
    });

    const answer = await handlerOf(echo)(event);

    expect(JSON.parse(answer.body)).toMatchObject({ model: 'acme/digits' });
  });

  it('answers 401 when the authorizer gave no caller', async () => {
    const event = predictEvent('digits:predict', '{"instances":[1]}');
    event.requestContext.authorizer = {};

    const answer = await handlerOf(echo)(event);

    expect(answer.statusCode).toBe(401);
  });

  it('answers 415 to a body that does not say it is JSON', async () => {
    const answer = await handlerOf(echo)(
      predictEvent('digits:predict', 'a=1', { 'Content-Type': 'application/x-www-form-urlencoded' }),
    );

    expect(answer.statusCode).toBe(415);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'unsupported_media_type' });
  });

  it('gives a problem that is an OpenAI error too', async () => {
    const answer = await handlerOf(echo)(predictEvent('digits:predict', '{"instances":[]}'));

    expect(answer.statusCode).toBe(400);
    expect(answer.headers?.['content-type']).toBe('application/problem+json');
    expect(JSON.parse(answer.body)).toMatchObject({
      status: 400,
      code: 'invalid_request',
      param: '/instances',
      request_id: 'req-1',
      error: { type: 'invalid_request_error', code: 'invalid_request', param: '/instances' },
    });
  });

  it('logs an unknown error and answers with a fixed sentence', async () => {
    const errors: unknown[] = [];
    const secret = new Error('the password is hunter2');
    const handler = handlerOf({ predict: () => Promise.reject(secret) }, errors);

    const answer = await handler(predictEvent('digits:predict', '{"instances":[1]}'));

    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain('hunter2');
    expect(errors).toEqual([secret]);
  });

  it('says when to come back', async () => {
    const handler = handlerOf({
      predict: () => Promise.reject(new ServiceError('rate_limited', 'slow down', { retryAfterS: 7 })),
    });

    const answer = await handler(predictEvent('digits:predict', '{"instances":[1]}'));

    expect(answer.statusCode).toBe(429);
    expect(answer.headers?.['retry-after']).toBe('7');
  });

  it('says so even where it cannot know', async () => {
    const handler = handlerOf({
      predict: () => Promise.reject(new ServiceError('quota_exceeded', 'delete a model first')),
    });

    const answer = await handler(predictEvent('digits:predict', '{"instances":[1]}'));

    expect(answer.statusCode).toBe(429);
    expect(answer.headers?.['retry-after']).toBe('60');
  });

  it('carries a POST with an idempotency key out once', async () => {
    let runs = 0;
    const handler = handlerOf({
      predict: async () => ({ body: { predictions: [++runs], model: 'm', model_version: 1 } }),
    });
    const event = predictEvent('digits:predict', '{"instances":[1]}', { 'Idempotency-Key': 'k1' });

    const first = await handler(event);
    const second = await handler(event);

    expect(second.body).toBe(first.body);
    expect(first.headers?.['idempotent-replayed']).toBeUndefined();
    expect(second.headers?.['idempotent-replayed']).toBe('true');
    expect(runs).toBe(1);
  });

  it('refuses an idempotency key with another body, and forgets one whose request failed', async () => {
    const isFailing = { now: true };
    const handler = handlerOf({
      predict: async () => {
        if (isFailing.now) throw new ServiceError('not_found', 'no such model');
        return { body: { predictions: [], model: 'm', model_version: 1 } };
      },
    });
    const event = (body: string) => predictEvent('digits:predict', body, { 'idempotency-key': 'k1' });

    const failed = await handler(event('{"instances":[1]}'));
    isFailing.now = false;
    const again = await handler(event('{"instances":[1]}'));
    const other = await handler(event('{"instances":[2]}'));

    expect([failed.statusCode, again.statusCode, other.statusCode]).toEqual([404, 200, 422]);
  });
});
