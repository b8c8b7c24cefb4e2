/**
 * Operations of the Lambda API as rest-json routes, served twice: signed and checked against policies behind the AWS
 * endpoint, and unsigned on the port of `start-lambda`, with the errors that `sam local` answers there.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AwsError } from '../aws/service.ts';
import type { AwsService, Permission, ServiceRequest } from '../aws/service.ts';
import { SERVER_OPTIONS, listen } from '../listen.ts';
import type { HttpListener } from '../listen.ts';

export interface RestCall {
  readonly method: string;
  /** Groups of the route's pattern, percent-decoded. */
  readonly params: readonly string[];
  readonly query: URLSearchParams;
  header(name: string): string | undefined;
  /** Reads the body once. */
  body(): Promise<Buffer>;
}

export interface RestAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as is, or as JSON. */
  readonly body?: Buffer | object;
}

export interface RestRoute {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Matched against the raw path. */
  readonly pattern: RegExp;
  permissions(call: RestCall): readonly Permission[] | Promise<readonly Permission[]>;
  handle(call: RestCall): Promise<RestAnswer>;
}

function findRoute(
  routes: readonly RestRoute[],
  method: string,
  rawPath: string,
): { route: RestRoute; params: string[] } | undefined {
  for (const route of routes) {
    const match = route.method === method ? route.pattern.exec(rawPath) : null;
    if (match) return { route, params: match.slice(1).map((part) => decodeURIComponent(part)) };
  }
  return undefined;
}

function write(response: ServerResponse, answer: RestAnswer): void {
  const isRaw = Buffer.isBuffer(answer.body);
  const body = isRaw ? answer.body : Buffer.from(answer.body === undefined ? '' : JSON.stringify(answer.body));
  response.writeHead(answer.status, {
    ...(answer.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    'Content-Length': body.length,
    ...answer.headers,
  });
  response.end(body);
}

function callOf(
  http: IncomingMessage,
  options: { method: string; query: URLSearchParams; params: readonly string[]; body: () => Promise<Buffer> },
): RestCall {
  const header = (name: string) => {
    const value = http.headers[name.toLowerCase()];
    return Array.isArray(value) ? value[0] : value;
  };
  return { ...options, header };
}

/** The service `lambda` of the AWS endpoint. */
export function lambdaAwsService(routes: readonly RestRoute[]): AwsService {
  const find = (request: ServiceRequest) => {
    const found = findRoute(routes, request.method, request.rawPath);
    if (!found)
      throw new AwsError(
        404,
        'UnknownOperationException',
        `The local Lambda does not implement ${request.method} ${request.rawPath}`,
      );
    const call = callOf(request.http, {
      method: request.method,
      query: request.query,
      params: found.params,
      body: () => request.body(),
    });
    return { route: found.route, call };
  };
  return {
    name: 'lambda',
    protocol: 'rest-json',
    permissions: async (request) => {
      const { route, call } = find(request);
      return route.permissions(call);
    },
    handle: async (request, response) => {
      const { route, call } = find(request);
      write(response, await route.handle(call));
    },
  };
}

/** Names that `sam local start-lambda` uses for Lambda's errors. */
const SAM_ERROR_NAMES: Readonly<Record<string, string>> = {
  ResourceNotFoundException: 'ResourceNotFound',
  InvalidRequestContentException: 'InvalidRequestContent',
};

function writeSamError(response: ServerResponse, error: unknown): void {
  const known =
    error instanceof AwsError
      ? error
      : new AwsError(500, 'ServiceException', `the local Lambda failed: ${(error as Error).message}`);
  const name = SAM_ERROR_NAMES[known.code] ?? known.code;
  const type =
    name.endsWith('Locally') || known.status === 501 ? 'LocalService' : known.status >= 500 ? 'Service' : 'User';
  write(response, {
    status: known.status,
    headers: { 'x-amzn-errortype': name },
    body: { Type: type, Message: known.message },
  });
}

async function readBody(http: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of http) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function serveLocally(
  routes: readonly RestRoute[],
  http: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [rawPath = '/', rawQuery = ''] = (http.url ?? '/').split('?');
  const method = http.method ?? 'GET';
  const found = findRoute(routes, method, rawPath);
  if (!found) {
    const isKnownPath = routes.some((route) => route.pattern.test(rawPath));
    throw isKnownPath
      ? new AwsError(405, 'MethodNotAllowedLocally', 'MethodNotAllowedException')
      : new AwsError(404, 'PathNotFoundLocally', 'PathNotFoundException');
  }
  const logType = http.headers['x-amz-log-type'];
  if (logType !== undefined && logType !== 'None')
    throw new AwsError(501, 'NotImplemented', `log-type: ${String(logType)} is not supported. None is only supported.`);
  let body: Promise<Buffer> | undefined;
  const call = callOf(http, {
    method,
    query: new URLSearchParams(rawQuery),
    params: found.params,
    body: () => (body ??= readBody(http)),
  });
  write(response, await found.route.handle(call));
}

/** Serves the routes without signatures, as `sam local start-lambda` does. */
export async function startLambdaServer(
  routes: readonly RestRoute[],
  options: { host: string; port: number },
): Promise<HttpListener> {
  const server = createServer(SERVER_OPTIONS, (http, response) => {
    serveLocally(routes, http, response).catch((error: unknown) => writeSamError(response, error));
  });
  return listen(server, { ...options, what: 'Lambda' });
}
