/**
 * API Gateway's proxy events <-> operations. The gateway has already routed the request and authenticated it: the operation
 * is found by `method resource`, the caller is the authorizer's context. Everything that goes wrong becomes a problem here.
 */
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import { AUTHORIZER_CONTEXT, ROUTES } from '../contract.ts';
import type { OperationId, Route } from '../contract.ts';
import { ServiceError } from '../errors.ts';
import { fromContext } from '../tenancy/caller.ts';
import { headerNamed } from '../tenancy/header.ts';
import { isSignedAlone, isSignedWith, readSignature, sha256 } from '../tenancy/signed-request.ts';
import type { Caller } from '../tenancy/tenant.ts';
import type { IdempotencyKeys } from '../stores/idempotency.ts';
import { audited } from './audit.ts';
import type { Audit } from './audit.ts';
import { dialectOf } from './dialects/index.ts';
import { idempotencyKeyOf, once } from './idempotency.ts';
import type { Call, Operations, Reply } from './operation.ts';
import { toServiceError } from './problem.ts';
import type { OperationSpec } from './spec/spec.ts';
import { parseAs, parseJson } from './validate.ts';

export interface GatewayOptions<Id extends OperationId> {
  readonly operations: Operations<Id>;
  /** Of these operations at least. */
  readonly specs: Readonly<Record<Id, OperationSpec>>;
  /** Runs before an operation of a caller, e.g. the rate limit; the headers it gives go into every answer. */
  readonly admit: (caller: Caller) => Promise<Readonly<Record<string, string>>>;
  readonly idempotencyKeys: (caller: Caller) => IdempotencyKeys;
  /** Where changes are written down; only functions that change things have it. */
  readonly audit?: (caller: Caller) => Audit;
  /** Told of errors that are not the caller's. */
  readonly onInternalError: (error: unknown, event: { operation: string; requestId: string }) => void;
}

/** What a function answers; `stream` in the place of the body where an operation of a streaming function gives one. */
export interface GatewayResult extends APIGatewayProxyResult {
  readonly stream?: AsyncIterable<string>;
}

/** Statuses that always say when to come again; what has to be freed first, such as a model, nobody can say of. */
const WAITING: ReadonlySet<number> = new Set([429, 503]);
const LATER_S = 60;

type AnyOperation = (call: Call<OperationId>) => Promise<Reply<OperationId>>;

/** A Lambda handler that serves the operations' routes. */
export function gatewayHandler<Id extends OperationId>(options: GatewayOptions<Id>) {
  return async (event: APIGatewayProxyEvent): Promise<GatewayResult> => {
    const requestId = event.requestContext.requestId;
    const headers: Record<string, string> = { 'x-request-id': requestId };
    let operation = 'unknown';
    try {
      const match = routeOf(event);
      operation = match.route.operation;
      const caller = callerOf(event, match.route);
      if (caller !== undefined) Object.assign(headers, await options.admit(caller));
      const result = await perform(event, { ...match, caller, requestId }, options);
      return { ...result, headers: { ...headers, ...result.headers } };
    } catch (error) {
      const known = toServiceError(error);
      if (known.code === 'internal') options.onInternalError(error, { operation, requestId });
      const dialect = dialectOf(event.resource);
      const { status, headers: own, body } = dialect.errorAnswer(known, requestId);
      const retryAfterS = known.retryAfterS ?? (WAITING.has(status) ? LATER_S : undefined);
      if (retryAfterS !== undefined) headers['retry-after'] = String(retryAfterS);
      Object.assign(headers, known.headers, { 'content-type': dialect.errorType }, own);
      return answer(status, headers, JSON.stringify(body));
    }
  };
}

/** Checks the request, then carries it out: once, where it carries an idempotency key. */
async function perform<Id extends OperationId>(
  event: APIGatewayProxyEvent,
  request: { route: KnownRoute; params: Record<string, string>; caller: Caller | undefined; requestId: string },
  options: GatewayOptions<Id>,
): Promise<GatewayResult> {
  const { route, ...rest } = request;
  // The tables tie each id to its own types; found by a string, they are those of any operation.
  const operation = (options.operations as unknown as Record<string, AnyOperation | undefined>)[route.operation];
  const spec = (options.specs as Readonly<Record<string, OperationSpec>>)[route.operation];
  if (operation === undefined || spec === undefined)
    throw new ServiceError('not_found', `this function does not serve ${route.operation}`);
  const accept = headerNamed(event.headers, 'accept') ?? '';
  const header = (name: string): string | undefined => headerNamed(event.headers, name);
  const bytes = spec.media === undefined ? Buffer.alloc(0) : bytesOf(event, spec.media);
  const input = { query: queryOf(event, spec), body: bodyOf(event, spec), bytes };
  const call = { ...rest, accept, header, lastEventId: header('last-event-id'), basePath: basePathOf(event), ...input };
  const log = request.caller === undefined ? undefined : options.audit?.(request.caller);
  const run = async (seed?: string): Promise<GatewayResult> => {
    const reply = await audited(log, request, () => operation({ ...call, seed } as Call<OperationId>));
    return resultOf(reply, reply.status ?? spec.status);
  };
  const key = idempotencyKeyOf(event);
  if (key === undefined || request.caller === undefined) return run();
  return once(options.idempotencyKeys(request.caller), key, event, run);
}

/** A deployed API has its stage, or its domain's base path, before its paths. */
function basePathOf({ path, requestContext: { path: whole } }: APIGatewayProxyEvent): string {
  return whole.endsWith(path) ? whole.slice(0, -path.length) : '';
}

function resultOf({ headers = {}, text, bytes, stream, body }: Reply<OperationId>, status: number): GatewayResult {
  if (bytes === undefined) {
    const result = answer(status, headers, text ?? JSON.stringify(body));
    return stream === undefined ? result : { ...result, stream };
  }
  const base64 = Buffer.from(bytes).toString('base64');
  return { ...answer(status, headers, base64), isBase64Encoded: true };
}

function answer(statusCode: number, headers: Readonly<Record<string, string>>, body: string): APIGatewayProxyResult {
  return {
    statusCode,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body,
  };
}

type KnownRoute = (typeof ROUTES)[number];

/** A route, and, where it is one of several on a resource, how it is told from the others by the resource's parameter. */
interface Candidate {
  readonly route: KnownRoute;
  readonly verb?: { readonly text: string; readonly parameter: string; readonly within: string };
}

/** `/v1/models/{ref}:predict` on the resource `/v1/models/{name}`: its `ref` is what stands before `:predict` in `name`. */
function candidateOf(route: KnownRoute & Route): Candidate {
  if (route.resource === undefined) return { route };
  const [, parameter = '', text = ''] = /\{(\w+)\}(:\w+)$/.exec(route.path) ?? [];
  const within = /\{(\w+)\}$/.exec(route.resource)?.[1] ?? '';
  return { route, verb: { text, parameter, within } };
}

/** By method and resource. */
const ROUTES_OF_RESOURCE = Map.groupBy(
  (ROUTES as readonly (KnownRoute & Route)[]).map(candidateOf),
  ({ route: { method, path, ...others } }) => `${method} ${(others as Partial<Route>).resource ?? path}`,
);

/** The route of an event and its parameters. On a resource shared by several verbs (`{ref}:predict`) the verb decides. */
export function routeOf(event: Pick<APIGatewayProxyEvent, 'httpMethod' | 'resource' | 'pathParameters'>): {
  route: KnownRoute;
  params: Record<string, string>;
} {
  const params = Object.fromEntries(
    Object.entries(event.pathParameters ?? {}).map(([name, value]) => [name, decode(value ?? '')]),
  );
  for (const { route, verb } of ROUTES_OF_RESOURCE.get(`${event.httpMethod} ${event.resource}`) ?? []) {
    if (verb === undefined) return { route, params };
    const { text, parameter, within } = verb;
    const value = params[within] ?? '';
    if (value.endsWith(text)) return { route, params: { [parameter]: value.slice(0, -text.length) } };
  }
  throw new ServiceError(
    'not_found',
    `there is no ${event.httpMethod} ${event.resource} here: see /v1/openapi.json for the routes`,
  );
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function callerOf(event: APIGatewayProxyEvent, route: Route): Caller | undefined {
  if (route.auth === 'none') return undefined;
  const caller = fromContext(event.requestContext.authorizer ?? {});
  if (isSignedAlone(event.headers)) requireSignature(event);
  if (caller !== undefined) return caller;
  throw new ServiceError('unauthenticated', 'send your API key in "Authorization: Bearer <key>" or "x-api-key: <key>"');
}

/** The body is part of what a client of AWS signs, and is first seen here. @throws {ServiceError} unauthenticated */
function requireSignature({ requestContext, headers, httpMethod: method, path, ...event }: APIGatewayProxyEvent): void {
  const signed = readSignature(headers);
  const key = Buffer.from(String(requestContext.authorizer?.[AUTHORIZER_CONTEXT.signingKey] ?? ''), 'hex');
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  const line = { method, paths: [requestContext.path, path], headers };
  if (signed !== undefined && key.length > 0 && isSignedWith(key, signed, line, sha256(body))) return;
  throw new ServiceError(
    'unauthenticated',
    'the signature is not that of this request and of a key that was made to sign',
  );
}

function queryOf(event: APIGatewayProxyEvent, spec: OperationSpec): unknown {
  if (spec.query === undefined) return undefined;
  return parseAs(spec.query, event.queryStringParameters ?? {}, 'query');
}

function bodyOf(event: APIGatewayProxyEvent, spec: OperationSpec): unknown {
  if (spec.body === undefined || spec.media !== undefined) return undefined;
  const text = event.isBase64Encoded ? Buffer.from(event.body ?? '', 'base64').toString('utf8') : (event.body ?? '');
  if (text !== '') requireType(event, ['application/json']);
  return parseAs(spec.body, text === '' ? undefined : parseJson(text), 'body');
}

/** The body as it came. */
function bytesOf(event: APIGatewayProxyEvent, media: readonly string[]): Buffer {
  const bytes = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  if (bytes.length > 0) requireType(event, media);
  return bytes;
}

const JSON_TYPE = /^application\/([\w.+-]+\+)?json$/;

/** @throws {ServiceError} unsupported_media_type for a body that says it is something else */
function requireType(event: APIGatewayProxyEvent, media: readonly string[]): void {
  const type = headerNamed(event.headers, 'content-type');
  const name = (type ?? 'application/json').split(';')[0]!.trim().toLowerCase();
  if (media.includes(name) || (JSON_TYPE.test(name) && media.includes('application/json'))) return;
  throw new ServiceError(
    'unsupported_media_type',
    `expected a body of type ${media.join(' or ')}, got ${type ?? 'none'}`,
  );
}
