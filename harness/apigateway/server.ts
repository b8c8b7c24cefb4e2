/**
 * A REST API on a local port: route, authorizer, integration, response; errors as the API customised them. Calls
 * functions through the Lambda service, with the tenant that the mapping gives and with the template's permissions.
 */
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AwsError } from '../aws/service.ts';
import type { InvokeResponse, LambdaService } from '../lambda/service.ts';
import type { RunResult, StreamResult } from '../lambda/invoker.ts';
import { SERVER_OPTIONS, listen } from '../listen.ts';
import type { HttpListener } from '../listen.ts';
import type { CloudModel, IntegrationModel, RestApiModel } from '../template/index.ts';
import type { Json } from '../template/json.ts';
import { AuthorizerGate } from './authorizer.ts';
import type { Authorization } from './authorizer.ts';
import { GatewayError } from './gateway-error.ts';
import { renderGatewayError } from './gateway-response.ts';
import { answerMock } from './mock.ts';
import { checkRequestParameters, evaluateSource, mapInvokeHeaders } from './parameter-mapping.ts';
import type { MappingSources } from './parameter-mapping.ts';
import { mayInvoke } from './permission.ts';
import { authorizerEvent, isBinaryType, proxyEvent, readFacts } from './proxy-event.ts';
import type { EventOptions, RequestFacts } from './proxy-event.ts';
import { pipeStreamedResponse, readProxyResponse, writeProxyResponse } from './proxy-response.ts';
import { Router } from './router.ts';
import { serveStatic } from './static-files.ts';
import type { RouteMatch } from './router.ts';

/** API Gateway's own limit of a request body, in bytes. */
const MAX_BODY_BYTES = 10_485_760;

export interface RestApiOptions {
  readonly model: CloudModel;
  readonly api: RestApiModel;
  readonly lambda: LambdaService;
  readonly host: string;
  readonly port: number;
  /** Every request passes as if no method had an authorizer, as `sam local start-api --disable-authorizer` does. */
  readonly isAuthorizerDisabled?: boolean;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  /** Files of this folder are served where no route of the API fits. */
  readonly staticDir?: string;
  /** Why a request was answered 5xx, for the developer. */
  readonly onFault?: (message: string) => void;
}

type ProxyIntegration = Extract<IntegrationModel, { type: 'AWS_PROXY' }>;

async function readBody(http: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of http) {
    sizeBytes += (chunk as Buffer).length;
    // The rest is read and dropped, so that the client gets the answer instead of a broken connection.
    if (sizeBytes <= MAX_BODY_BYTES) chunks.push(chunk as Buffer);
  }
  if (sizeBytes > MAX_BODY_BYTES) throw new GatewayError('REQUEST_TOO_LARGE', 'Request Too Long');
  return Buffer.concat(chunks);
}

class RestApiServer {
  readonly #options: RestApiOptions;
  readonly #router: Router;
  readonly #gate: AuthorizerGate;

  constructor(options: RestApiOptions) {
    this.#options = options;
    this.#router = new Router(options.api);
    for (const { integration, httpMethod, resourcePath } of options.api.methods) {
      if (integration.type === 'AWS_PROXY')
        checkRequestParameters(integration.requestParameters, `${options.api.name} ${httpMethod} ${resourcePath}`);
    }
    this.#gate = new AuthorizerGate(async (authorizer, event) => {
      this.#checkPermission(authorizer.functionArn, `authorizers/${authorizer.authorizerId}`);
      const result = await options.lambda.invoke({
        functionName: authorizer.functionArn,
        payload: Buffer.from(JSON.stringify(event)),
      });
      const answer = JSON.parse(result.payload.toString('utf8')) as Json;
      if (result.functionError === undefined) return { answer };
      return { errorMessage: (answer as { errorMessage?: string }).errorMessage ?? 'the authorizer failed' };
    });
  }

  async serve(http: IncomingMessage, response: ServerResponse): Promise<void> {
    const facts = readFacts(http, this.#options.api, this.#options.model.accountId);
    try {
      await this.#answer(http, response, facts);
    } catch (error) {
      this.#fail(error, response, facts);
    }
    if (!http.readableEnded) http.resume();
  }

  async #answer(http: IncomingMessage, response: ServerResponse, facts: RequestFacts): Promise<void> {
    const { api } = this.#options;
    const match = this.#router.find(facts.httpMethod, facts.path);
    if (!match && (await serveStatic(this.#options.staticDir, facts, response))) return;
    if (!match) throw new GatewayError('MISSING_AUTHENTICATION_TOKEN', 'Missing Authentication Token');
    const sources: MappingSources = {
      facts,
      pathParameters: match.pathParameters,
      stageVariables: api.stageVariables,
      authorizer: {},
    };
    const authorization = await this.#authorize(match, sources);
    this.#checkParameters(match, sources);
    const { integration } = match.method;
    if (integration.type === 'MOCK') {
      answerMock(integration, facts, response);
      return;
    }
    const body = await readBody(http);
    const authorizer = authorization && {
      principalId: authorization.principalId,
      integrationLatency: 0,
      ...authorization.context,
    };
    const event = proxyEvent(
      { facts, match, stageVariables: api.stageVariables, authorizer },
      body,
      isBinaryType(facts.header('content-type'), api.binaryMediaTypes),
    );
    await this.#integrate(
      integration,
      { event, match, sources: { ...sources, authorizer: authorization?.context ?? {} } },
      response,
    );
  }

  async #authorize(match: RouteMatch, sources: MappingSources): Promise<Authorization | undefined> {
    const { authorizer } = match.method;
    if (!authorizer || this.#options.isAuthorizerDisabled === true) return undefined;
    const { facts } = sources;
    const methodArn = `${this.#executeArn()}/${facts.stage}/${facts.httpMethod}${facts.path}`;
    const options: EventOptions = { facts, match, stageVariables: sources.stageVariables, authorizer: undefined };
    return this.#gate.authorize(authorizer, { sources, methodArn, event: authorizerEvent(options, methodArn) });
  }

  #checkParameters({ method }: RouteMatch, sources: MappingSources): void {
    const missing = method.requiredParameters.filter((name) => (evaluateSource(name, sources) ?? '') === '');
    if (missing.length === 0) return;
    const names = missing.map((name) => name.split('.').slice(3).join('.'));
    throw new GatewayError('BAD_REQUEST_PARAMETERS', `Missing required request parameters: [${names.join(', ')}]`);
  }

  async #integrate(
    integration: ProxyIntegration,
    request: { event: Record<string, unknown>; match: RouteMatch; sources: MappingSources },
    response: ServerResponse,
  ): Promise<void> {
    const { lambda, api } = this.#options;
    const { facts } = request.sources;
    const { method } = request.match;
    this.#checkPermission(integration.functionArn, `${facts.stage}/${facts.httpMethod}${method.resourcePath}`);
    const headers = mapInvokeHeaders(integration.requestParameters, request.sources);
    const call = {
      functionName: integration.functionArn,
      payload: Buffer.from(JSON.stringify(request.event)),
      tenantId: headers['x-amz-tenant-id'],
      durableExecutionName: headers['x-amz-durable-execution-name'],
    };
    const result = await withTimeout<InvokeResponse | RunResult | StreamResult>(
      integration.isStreaming ? lambda.invokeStreaming(call) : lambda.invoke(call),
      integration.timeoutMs,
    );
    if ('body' in result) {
      await pipeStreamedResponse(response, facts, result.body);
      return;
    }
    if (result.functionError !== undefined) {
      throw Object.assign(new GatewayError('MALFORMED_LAMBDA_RESPONSE', 'Internal server error'), {
        cause: result.payload.toString('utf8'),
      });
    }
    writeProxyResponse(response, facts, readProxyResponse(result.payload, facts, api.binaryMediaTypes));
  }

  #executeArn(): string {
    const { model, api } = this.#options;
    return `arn:${model.partition}:execute-api:${model.region}:${model.accountId}:${api.apiId}`;
  }

  #checkPermission(functionArn: string, tail: string): void {
    const sourceArn = `${this.#executeArn()}/${tail}`;
    if (mayInvoke(this.#options.model.permissions, functionArn, sourceArn)) return;
    const cause = `no AWS::Lambda::Permission lets ${sourceArn} invoke ${functionArn}`;
    throw Object.assign(new GatewayError('API_CONFIGURATION_ERROR', 'Internal server error'), { cause });
  }

  #fail(error: unknown, response: ServerResponse, facts: RequestFacts): void {
    const gatewayError = toGatewayError(error);
    const { status, headers, body } = renderGatewayError(gatewayError, this.#options.api.gatewayResponses, facts);
    if (status >= 500) {
      const cause = gatewayError.cause ?? (error === gatewayError ? undefined : error);
      this.#options.onFault?.(
        `${facts.httpMethod} ${facts.path}: ${status} ${gatewayError.responseType}${cause === undefined ? '' : `: ${cause instanceof Error ? cause.message : JSON.stringify(cause)}`}`,
      );
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    response.writeHead(status, headers);
    response.end(facts.httpMethod === 'HEAD' ? undefined : body);
  }
}

function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  if (error instanceof AwsError) {
    if (error.code === 'RequestTooLargeException') return new GatewayError('REQUEST_TOO_LARGE', 'Request Too Long');
    // A tenant id that is missing, wrong or not wanted.
    if (error.status === 400) return new GatewayError('BAD_REQUEST_PARAMETERS', error.message);
  }
  return Object.assign(new GatewayError('API_CONFIGURATION_ERROR', 'Internal server error'), { cause: error });
}

async function withTimeout<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new GatewayError('INTEGRATION_TIMEOUT', 'Endpoint request timed out')), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Serves the API at `/` and at `/<stage>/`. */
export async function startRestApi(options: RestApiOptions): Promise<HttpListener> {
  const api = new RestApiServer(options);
  const listener = (http: IncomingMessage, response: ServerResponse) => void api.serve(http, response);
  const server = options.tls
    ? createTlsServer({ ...options.tls, ...SERVER_OPTIONS }, listener)
    : createServer(SERVER_OPTIONS, listener);
  return listen(server, { host: options.host, port: options.port, what: `API ${options.api.name}` });
}
