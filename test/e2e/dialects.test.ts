/** MLflow's and SageMaker's words over HTTPS. */
import { beforeAll, describe, expect, it } from '@jest/globals';
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
