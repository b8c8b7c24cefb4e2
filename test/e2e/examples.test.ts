/** The examples of the OpenAPI document, sent in the document's order, are a tenant's first day: every one is answered as described. */
import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import { useTenon } from './tenon.ts';

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly example?: string | number }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly example?: unknown }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

interface Step extends Operation {
  readonly method: string;
  readonly path: string;
}

const tenon = useTenon();

/** The ids that the service gave, in place of the examples'. */
const given: Record<string, string> = {};

const OWN_TENANT = { 'the-id-of-another-tenant': 'tenant-a' };

/** Says JSON and sends a line feed, as MLflow's own server does. */
const EMPTY = 'mlflowPing';

/** What has to be there before an example makes sense, where the examples before it do not make it. */
const BEFORE: Readonly<Record<string, () => Promise<unknown>>> = {
  // A second version to point back from, and to delete while the first one stays.
  rollbackModelAlias: async () => {
    await train();
    await tenon.request('PUT', '/v1/models/flowers/aliases/live', { body: { version: 2 } });
  },
  deleteModelVersion: () => tenon.request('PUT', '/v1/models/flowers/aliases/live', { body: { version: 2 } }),
};

async function train(): Promise<void> {
  const { body } = await tenon.request('GET', '/v1/openapi.json');
  const example = (body as unknown as { paths: Record<string, Record<string, Operation>> }).paths['/v1/jobs']?.['post']
    ?.requestBody?.content['application/json']?.example;
  await tenon.job(JSON.parse(withGiven(JSON.stringify(example))) as object);
}

function withGiven(text: string): string {
  return Object.entries({ ...given, ...OWN_TENANT }).reduce((all, [old, id]) => all.replaceAll(old, id), text);
}

async function steps(): Promise<Step[]> {
  const { body } = await tenon.request('GET', '/v1/openapi.json');
  const { paths } = body as { paths: Record<string, Record<string, Operation>> };
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  );
  // What is deleted last, innermost first, can be asked for until then.
  const deletions = all.filter(({ method }) => method === 'DELETE');
  const depth = ({ path }: Step): number => path.split('/').length;
  return [...all.filter(({ method }) => method !== 'DELETE'), ...deletions.toSorted((a, b) => depth(b) - depth(a))];
}

/** Sends an operation's example: status, media type, and the body where it is JSON. */
async function send({ method, path, parameters, requestBody }: Step) {
  const filled = parameters.reduce(
    (text, { name, in: place, example }) => (place === 'path' ? text.replace(`{${name}}`, String(example)) : text),
    path,
  );
  const query = new URLSearchParams();
  for (const { name, in: place, example } of parameters)
    if (place === 'query' && example !== undefined) query.set(name, String(example));
  const url = withGiven(`${filled}${query.size === 0 ? '' : `?${query.toString()}`}`);
  const example = requestBody?.content['application/json']?.example;
  const response = await fetch(tenon.cloud.apiUrl + url, {
    method,
    headers: {
      authorization: `Bearer ${tenon.key('a')}`,
      ...(example === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(example === undefined ? {} : { body: withGiven(JSON.stringify(example)) }),
  });
  const text = await response.text();
  const type = (response.headers.get('content-type') ?? '').split(';')[0]!;
  return { status: response.status, type, text };
}

/** Waits for what was only begun. */
async function settle(operationId: string, id: string): Promise<void> {
  if (operationId === 'createDataset') {
    given['ds_01j9z3k4m5n6p7q8r9s0t1v2w3'] = id;
    await tenon.settled(`/v1/datasets/${id}`, ['ready', 'invalid']);
  }
  if (operationId === 'createJob') {
    given['job_01j9z3k4m5n6p7q8r9s0t1v2w3'] = id;
    await tenon.settled(`/v1/jobs/${id}`, ['succeeded', 'failed']);
  }
  if (operationId === 'createBatch') {
    given['batch_01j9z3k4m5n6p7q8r9s0t1v2w3'] = id;
    await tenon.settled(`/v1/batches/${id}`, ['succeeded', 'failed']);
  }
}

describe('every example of the OpenAPI document', () => {
  it('is answered with the status and the body that the document gives', async () => {
    const wrong: string[] = [];
    const all = await steps();

    for (const step of all) {
      await BEFORE[step.operationId]?.();
      const { status, type, text } = await send(step);
      const [expected = '', described] = Object.entries(step.responses)[0] ?? [];
      const schema = described?.content?.[type]?.schema;
      const name = `${step.method} ${step.path}`;
      if (String(status) !== expected) wrong.push(`${name}: ${status} instead of ${expected}: ${text.slice(0, 300)}`);
      else if (schema === undefined) wrong.push(`${name}: answered with ${type}`);
      else if (type === 'application/json' && step.operationId !== EMPTY) {
        const body = JSON.parse(text) as { id?: string };
        const { error } = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(body);
        if (error !== undefined) wrong.push(`${name}: ${z.prettifyError(error)}`);
        if (body.id !== undefined) await settle(step.operationId, body.id);
      }
    }

    expect(wrong).toEqual([]);
    expect(all.length).toBeGreaterThan(40);
  });

  it('has a value for every parameter of a path and a body for every operation that takes one', async () => {
    for (const { operationId, parameters, requestBody } of await steps()) {
      const missing = parameters.filter(({ in: place, example }) => place === 'path' && example === undefined);
      const hasBody = requestBody === undefined || requestBody.content['application/json']?.example !== undefined;

      expect([operationId, missing, hasBody]).toEqual([operationId, [], true]);
    }
  });
});

describe('GET /v1/docs', () => {
  it('is a page that loads nothing and runs nothing', async () => {
    const response = await fetch(`${tenon.cloud.apiUrl}/v1/docs`);
    const text = await response.text();

    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]+';/,
    );
    expect(text).not.toMatch(/<script|<link|<img|src=|https?:\/\/|\son\w+=|style=/);
    expect(text).toContain('POST /v1/models/{ref}:predict');
  });
});
