/**
 * The facts of a request, and the event that a Lambda proxy integration gets (payload format 1.0).
 * Source: API Gateway developer guide, "Input format of a Lambda function for proxy integration".
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { RestApiModel } from '../template/index.ts';
import type { RouteMatch } from './router.ts';

export interface RequestFacts {
  readonly requestId: string;
  readonly extendedRequestId: string;
  readonly timeMs: number;
  readonly accountId: string;
  readonly apiId: string;
  readonly stage: string;
  readonly httpMethod: string;
  /** Path without the stage. */
  readonly path: string;
  /** `requestContext.path`: with the stage, as a deployed API has it. */
  readonly contextPath: string;
  readonly query: URLSearchParams;
  readonly sourceIp: string;
  readonly userAgent: string | undefined;
  readonly protocol: string;
  readonly domainName: string;
  /** Names as sent. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  header(name: string): string | undefined;
}

/** Headers that end at the gateway; a tenant comes from the authorizer, never from a client. */
const NOT_FORWARDED = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'te',
  'upgrade',
  'proxy-connection',
  'x-amz-tenant-id',
  // Written anew by the gateway.
  'x-forwarded-for',
  'x-forwarded-port',
  'x-forwarded-proto',
]);
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function headerPairs(http: IncomingMessage): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < http.rawHeaders.length; index += 2) {
    const name = http.rawHeaders[index]!;
    if (!NOT_FORWARDED.has(name.toLowerCase())) pairs.push([name, http.rawHeaders[index + 1]!]);
  }
  return pairs;
}

/** What API Gateway puts beside a client's headers; a trace that the client began goes on. */
function addedHeaders(http: IncomingMessage, sourceIp: string): [string, string][] {
  const before = http.headers['x-forwarded-for'];
  const trace = `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${randomUUID().replaceAll('-', '').slice(0, 24)}`;
  return [
    ['X-Forwarded-For', before === undefined ? sourceIp : `${String(before)}, ${sourceIp}`],
    ['X-Forwarded-Port', String(http.socket.localPort ?? 80)],
    ['X-Forwarded-Proto', 'encrypted' in http.socket ? 'https' : 'http'],
    ...(http.headers['x-amzn-trace-id'] === undefined ? [['X-Amzn-Trace-Id', trace] as [string, string]] : []),
  ];
}

/** Reads everything about a request but its body. The stage may stand before the path, or be left out as under a domain name of one's own. */
export function readFacts(http: IncomingMessage, api: RestApiModel, accountId: string): RequestFacts {
  const [rawPath = '/', rawQuery = ''] = (http.url ?? '/').split('?');
  const prefix = `/${api.stageName}`;
  const path = rawPath === prefix || rawPath.startsWith(`${prefix}/`) ? rawPath.slice(prefix.length) || '/' : rawPath;
  const sourceIp = (http.socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, '');
  const headers = [...headerPairs(http), ...addedHeaders(http, sourceIp)];
  const extendedRequestId = `${randomUUID().replaceAll('-', '').slice(0, 15)}=`;
  const header = (name: string) => headers.find(([one]) => one.toLowerCase() === name.toLowerCase())?.[1];
  return {
    requestId: randomUUID(),
    extendedRequestId,
    timeMs: Date.now(),
    accountId,
    apiId: api.apiId,
    stage: api.stageName,
    httpMethod: http.method ?? 'GET',
    path,
    contextPath: rawPath,
    query: new URLSearchParams(rawQuery),
    sourceIp,
    userAgent: header('user-agent'),
    protocol: `HTTP/${http.httpVersion}`,
    domainName: header('host') ?? 'localhost',
    headers,
    header,
  };
}

function lastValues(pairs: Iterable<readonly [string, string]>): Record<string, string> | null {
  const values = Object.fromEntries([...pairs].map(([name, value]) => [name, value]));
  return Object.keys(values).length === 0 ? null : values;
}

function allValues(pairs: Iterable<readonly [string, string]>): Record<string, string[]> | null {
  // A Map: a client may call a header or parameter `constructor` or `__proto__`.
  const values = new Map<string, string[]>();
  for (const [name, value] of pairs) values.set(name, [...(values.get(name) ?? []), value]);
  return values.size === 0 ? null : Object.fromEntries(values);
}

/** `09/Apr/2015:12:34:56 +0000`. */
function requestTime(timeMs: number): string {
  const at = new Date(timeMs);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(at.getUTCDate())}/${MONTHS[at.getUTCMonth()] ?? ''}/${at.getUTCFullYear()}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`;
}

function requestContext(
  facts: RequestFacts,
  { method }: RouteMatch,
  authorizer: Readonly<Record<string, unknown>> | undefined,
): Record<string, unknown> {
  const nobody = {
    cognitoIdentityPoolId: null,
    accountId: null,
    cognitoIdentityId: null,
    caller: null,
    principalOrgId: null,
    accessKey: null,
  };
  const noCognito = { cognitoAuthenticationType: null, cognitoAuthenticationProvider: null, userArn: null, user: null };
  return {
    resourceId: method.resourceId,
    ...(authorizer === undefined ? {} : { authorizer }),
    resourcePath: method.resourcePath,
    httpMethod: facts.httpMethod,
    extendedRequestId: facts.extendedRequestId,
    requestTime: requestTime(facts.timeMs),
    path: facts.contextPath,
    accountId: facts.accountId,
    protocol: facts.protocol,
    stage: facts.stage,
    domainPrefix: facts.apiId,
    requestTimeEpoch: facts.timeMs,
    requestId: facts.requestId,
    identity: { ...nobody, sourceIp: facts.sourceIp, ...noCognito, userAgent: facts.userAgent ?? null },
    domainName: facts.domainName,
    deploymentId: 'local',
    apiId: facts.apiId,
  };
}

export interface EventOptions {
  readonly facts: RequestFacts;
  readonly match: RouteMatch;
  readonly stageVariables: Readonly<Record<string, string>>;
  readonly authorizer: Readonly<Record<string, unknown>> | undefined;
}

/** What an integration and a request authorizer have in common. */
function commonEvent({ facts, match, stageVariables, authorizer }: EventOptions): Record<string, unknown> {
  const orNull = (values: Readonly<Record<string, string>>) => (Object.keys(values).length === 0 ? null : values);
  return {
    resource: match.method.resourcePath,
    path: decodePath(facts.path),
    httpMethod: facts.httpMethod,
    headers: lastValues(facts.headers),
    multiValueHeaders: allValues(facts.headers),
    queryStringParameters: lastValues(facts.query),
    multiValueQueryStringParameters: allValues(facts.query),
    pathParameters: orNull(match.pathParameters),
    stageVariables: orNull(stageVariables),
    requestContext: requestContext(facts, match, authorizer),
  };
}

function decodePath(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

/** The event of an AWS_PROXY integration. */
export function proxyEvent(options: EventOptions, body: Buffer, isBinary: boolean): Record<string, unknown> {
  return {
    ...commonEvent(options),
    body: body.length === 0 ? null : body.toString(isBinary ? 'base64' : 'utf8'),
    isBase64Encoded: isBinary && body.length > 0,
  };
}

/** The event of a REQUEST authorizer. */
export function authorizerEvent(options: EventOptions, methodArn: string): Record<string, unknown> {
  return { type: 'REQUEST', methodArn, ...commonEvent(options) };
}

/** Whether a media type is one of the API's binary ones; `image/*` and `*` + `/*` are patterns. */
export function isBinaryType(contentType: string | undefined, binaryMediaTypes: readonly string[]): boolean {
  const type = (contentType ?? 'application/json').split(';')[0]?.trim().toLowerCase() ?? '';
  return binaryMediaTypes.some((pattern) => {
    const known = pattern.toLowerCase();
    return known === '*/*' || known === type || (known.endsWith('/*') && type.startsWith(known.slice(0, -1)));
  });
}
