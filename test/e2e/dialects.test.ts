/** MLflow's and SageMaker's words over HTTPS. */
import { Sha256 } from '@aws-crypto/sha256-js';
import { InvokeEndpointCommand, SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import { SignatureV4 } from '@smithy/signature-v4';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { invokeAdmin } from '../../scripts/admin-client.ts';
import { useTenon } from './tenon.ts';

const tenon = useTenon();

let expected: unknown;

beforeAll(async () => {
  const { id } = await tenon.dataset({
    name: 'plane',
    format: 'csv',
    csv: 'a,b,y\n1,2,5\n2,1,4\n3,3,9\n4,0,4\n0,5,10\n2,2,6.1\n',
  });
  await tenon.job({ name: 'plane', task: 'regression', family: 'linear_regression', dataset: id, target: 'y' });
  await tenon.request('PUT', '/v1/models/plane/aliases/live', { body: { version: 1 } });
  const { body } = await tenon.request('POST', '/v1/models/plane:predict', { body: { instances: [{ a: 1, b: 2 }] } });
  expected = body['predictions'];
});

describe.each(['/mlflow/plane/invocations', '/mlflow/plane@live/invocations', '/endpoints/plane/invocations'])(
  '%s',
  (path) => {
    it.each<[string, string, string]>([
      ['dataframe_split', '{"dataframe_split": {"columns": ["b", "a"], "data": [[2, 1]]}}', 'application/json'],
      ['dataframe_records', '{"dataframe_records": [{"a": 1, "b": 2}]}', 'application/json; charset=utf-8'],
      ['instances', '{"instances": [[1, 2]]}', 'application/json'],
      ['inputs', '{"inputs": {"a": [1], "b": [2]}}', 'application/json'],
      ['CSV', 'b,a\n2,1\n', 'text/csv'],
      ['CSV without a header', '1,2\n', 'text/csv'],
    ])('predicts from %s', async (_, text, type) => {
      const answer = await tenon.request('POST', path, { text, headers: { 'content-type': type } });

      expect([answer.status, answer.body]).toEqual([200, { predictions: expected }]);
    });
  },
);

describe('MLflow', () => {
  it('answers pings', async () => {
    const response = await fetch(`${tenon.cloud.apiUrl}/mlflow/plane/ping`, {
      headers: { 'x-api-key': tenon.key('a') },
    });

    expect([response.status, await response.text()]).toEqual([200, '\n']);
  });

  it.each<[string, string, string, number, string]>([
    ['an unknown model', 'nothing', '{"instances": [[1, 2]]}', 404, 'RESOURCE_DOES_NOT_EXIST'],
    ['a missing column', 'plane', '{"dataframe_records": [{"a": 1}]}', 400, 'INVALID_PARAMETER_VALUE'],
    ['broken JSON', 'plane', '{', 400, 'INVALID_PARAMETER_VALUE'],
  ])('says what is wrong with %s in its own words', async (_, model, text, status, code) => {
    const answer = await tenon.request('POST', `/mlflow/${model}/invocations`, { text });

    expect([answer.status, answer.body]).toEqual([status, { error_code: code, message: expect.any(String) }]);
  });
});

describe('SageMaker', () => {
  it('takes an alias as target variant and returns the custom attributes', async () => {
    const answer = await tenon.request('POST', '/endpoints/plane/invocations', {
      body: { instances: [[1, 2]] },
      headers: { 'X-Amzn-SageMaker-Target-Variant': 'live', 'X-Amzn-SageMaker-Custom-Attributes': 'trace=7' },
    });

    expect(answer.headers.get('x-amzn-invoked-production-variant')).toBe('live');
    expect(answer.headers.get('x-amzn-sagemaker-custom-attributes')).toBe('trace=7');
  });

  it('answers a ModelError with the status of the model', async () => {
    const answer = await tenon.request('POST', '/endpoints/plane/invocations', { body: { instances: [['x', 2]] } });

    expect(answer.status).toBe(424);
    expect(answer.headers.get('x-amzn-errortype')).toBe('ModelError');
    expect(answer.body).toMatchObject({ OriginalStatusCode: 400, Message: expect.stringContaining('"x"') });
  });
});

describe('the client of the SageMaker runtime', () => {
  const body = '{"instances": [[1, 2]]}';

  /** A client that signs with a key made for it. */
  async function signingClient(secretOf = (secret: string) => secret) {
    const { lambdaUrl } = tenon.cloud;
    const key = await invokeAdmin({ command: 'create-key', tenant_id: 'tenant-a', sigv4: true }, lambdaUrl);
    const credentials = { accessKeyId: String(key['key_id']), secretAccessKey: secretOf(String(key['api_key'])) };
    const client = new SageMakerRuntimeClient({
      endpoint: tenon.cloud.apiUrl,
      region: 'eu-central-1',
      credentials,
      maxAttempts: 1,
    });
    const invoke = () =>
      client.send(new InvokeEndpointCommand({ EndpointName: 'plane', ContentType: 'application/json', Body: body }));
    return { key, client, invoke };
  }

  it('is served as it is, signing with the id and the secret of a key', async () => {
    const { invoke } = await signingClient();

    const answer = await invoke();

    expect(JSON.parse(answer.Body.transformToString())).toEqual({ predictions: expected });
    expect(answer.InvokedProductionVariant).toBe('1');
  });

  it('is refused with another secret, with a key that was not made to sign, and once its key is revoked', async () => {
    const forged = await signingClient((secret) => `${secret.slice(0, -1)}${secret.endsWith('A') ? 'B' : 'A'}`);
    const revoked = await signingClient();
    await invokeAdmin(
      { command: 'revoke-key', tenant_id: 'tenant-a', key_id: String(revoked.key['key_id']) },
      tenon.cloud.lambdaUrl,
    );
    const plain = await invokeAdmin({ command: 'create-key', tenant_id: 'tenant-a' }, tenon.cloud.lambdaUrl);
    const unmade = new SageMakerRuntimeClient({
      endpoint: tenon.cloud.apiUrl,
      region: 'eu-central-1',
      credentials: { accessKeyId: String(plain['key_id']), secretAccessKey: String(plain['api_key']) },
      maxAttempts: 1,
    });
    const send = () => unmade.send(new InvokeEndpointCommand({ EndpointName: 'plane', Body: body }));

    for (const call of [forged.invoke, revoked.invoke, send])
      await expect(call()).rejects.toMatchObject({ $metadata: { httpStatusCode: 401 } });
  });

  it('is served where it does not state the hash of the body, as boto3 does not, and refused with another body or secret', async () => {
    const { key } = await signingClient();
    const url = new URL(`${tenon.cloud.apiUrl}/endpoints/plane/invocations`);
    const answerTo = async (text: string, secret = String(key['api_key'])) => {
      const credentials = { accessKeyId: String(key['key_id']), secretAccessKey: secret };
      const scope = { region: 'eu-central-1', service: 'sagemaker', sha256: Sha256 };
      const signer = new SignatureV4({ ...scope, credentials, applyChecksum: false });
      const headers = { host: url.host, 'content-type': 'application/json' };
      const to = { method: 'POST', protocol: url.protocol, hostname: url.hostname, path: url.pathname };
      const { host: _, ...signed } = (await signer.sign({ ...to, headers, body })).headers as Record<string, string>;
      expect(Object.keys(signed)).not.toContain('x-amz-content-sha256');
      return tenon.request('POST', '/endpoints/plane/invocations', { key: null, text, headers: signed });
    };

    const served = await answerTo(body);
    const changed = await answerTo('{"instances": [[1, 3]]}');
    const forged = await answerTo(body, 'tenon_sk_another');

    expect([served.status, served.body]).toEqual([200, { predictions: expected }]);
    expect([changed.status, forged.status]).toEqual([401, 401]);
  });

  it('cannot have its body changed on the way, nor its signature used elsewhere', async () => {
    const { client } = await signingClient();
    let signed: { headers: Record<string, string> } | undefined;
    client.middlewareStack.add(
      (next) => (args) => {
        signed = args.request as { headers: Record<string, string> };
        return next(args);
      },
      { step: 'finalizeRequest', priority: 'low' },
    );
    await client.send(
      new InvokeEndpointCommand({ EndpointName: 'plane', ContentType: 'application/json', Body: body }),
    );
    const { host: _, ...headers } = signed!.headers;

    const changed = await tenon.request('POST', '/endpoints/plane/invocations', {
      key: null,
      text: '{"instances": [[1, 3]]}',
      headers,
    });
    const elsewhere = await tenon.request('POST', '/mlflow/plane/invocations', { key: null, text: body, headers });

    expect([changed.status, elsewhere.status]).toEqual([401, 401]);
  });
});
