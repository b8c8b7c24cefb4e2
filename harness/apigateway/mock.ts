/**
 * MOCK integrations, as CDK makes them for CORS preflight: the request template names a status, the integration
 * response of that status gives the headers and the body. Source: API Gateway developer guide, "Mock integrations".
 */
import type { ServerResponse } from 'node:http';
import type { IntegrationModel, MockResponse } from '../template/index.ts';
import { GatewayError } from './gateway-error.ts';
import type { RequestFacts } from './proxy-event.ts';

type MockIntegration = Extract<IntegrationModel, { type: 'MOCK' }>;

function chosen({ requestTemplates, responses }: MockIntegration): MockResponse | undefined {
  const template = requestTemplates['application/json'] ?? Object.values(requestTemplates)[0] ?? '';
  const status = /statusCode"?\s*:\s*(\d{3})/.exec(template)?.[1] ?? '200';
  const isDefault = (one: MockResponse) => one.selectionPattern === undefined || one.selectionPattern === '';
  return (
    responses.find((one) => !isDefault(one) && new RegExp(`^(?:${one.selectionPattern ?? ''})$`).test(status)) ??
    responses.find(isDefault)
  );
}

/** @throws GatewayError API_CONFIGURATION_ERROR if no response fits. */
export function answerMock(integration: MockIntegration, facts: RequestFacts, response: ServerResponse): void {
  const answer = chosen(integration);
  if (!answer) throw new GatewayError('API_CONFIGURATION_ERROR', 'Internal server error');
  const body = Buffer.from(answer.templates['application/json'] ?? '');
  response.statusCode = Number(answer.statusCode);
  response.setHeader('x-amzn-RequestId', facts.requestId);
  response.setHeader('Content-Type', 'application/json');
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  if (response.statusCode !== 204) response.setHeader('Content-Length', body.length);
  response.end(response.statusCode === 204 ? undefined : body);
}
