/** Which method of an API a path finds. */
import { expect, test } from '@jest/globals';
import { Router } from '../../../harness/apigateway/router.ts';
import type { MethodModel, RestApiModel } from '../../../harness/template/index.ts';

const method = (httpMethod: string, resourcePath: string): MethodModel => ({
  resourcePath,
  resourceId: 'x',
  httpMethod,
  authorizationType: 'NONE',
  authorizer: undefined,
  requiredParameters: [],
  integration: { type: 'MOCK', requestTemplates: {}, responses: [] },
});

const api: RestApiModel = {
  stackName: 'App',
  logicalId: 'Api',
  apiId: 'a',
  name: 'Api',
  stageName: 'live',
  stageVariables: {},
  binaryMediaTypes: [],
  gatewayResponses: [],
  methods: [
    method('GET', '/'),
    method('GET', '/models'),
    method('GET', '/models/{name}'),
    method('POST', '/models/{name}'),
    method('GET', '/models/latest'),
    method('GET', '/models/{name}/versions/{version}'),
    method('ANY', '/files/{proxy+}'),
    method('GET', '/files/readme'),
  ],
};
const router = new Router(api);

test.each([
  ['GET', '/', '/', {}],
  ['GET', '/models', '/models', {}],
  ['GET', '/models/', '/models', {}],
  ['GET', '/models/digits', '/models/{name}', { name: 'digits' }],
  ['POST', '/models/digits:predict', '/models/{name}', { name: 'digits:predict' }],
  ['GET', '/models/latest', '/models/latest', {}],
  ['GET', '/models/a%2Fb/versions/3', '/models/{name}/versions/{version}', { name: 'a/b', version: '3' }],
  ['DELETE', '/files/a/b/c', '/files/{proxy+}', { proxy: 'a/b/c' }],
  ['GET', '/files/readme', '/files/readme', {}],
])('%s %s finds %s', (httpMethod, path, resourcePath, pathParameters) => {
  const found = router.find(httpMethod, path);

  expect([found?.method.resourcePath, found?.pathParameters]).toEqual([resourcePath, pathParameters]);
});

test.each([
  ['DELETE', '/models'],
  ['GET', '/models/digits/versions'],
  ['GET', '/nothing'],
  ['GET', '/files'],
  // The literal resource is the one, whatever methods the others have.
  ['POST', '/models/latest'],
])('%s %s finds nothing', (httpMethod, path) => {
  expect(router.find(httpMethod, path)).toBeUndefined();
});
