/**
 * The one HTTP endpoint of the local AWS: finds the service by the credential scope, verifies the signature, has the
 * policies evaluated, and hands the request over. Errors leave in the service's own format.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { openRequest } from './request.ts';
import { parseSignature } from './signature/parse.ts';
import { sha256Hex } from './signature/canonical.ts';
import { splitUrl, verifySignature } from './signature/verify.ts';
import { AwsError } from './service.ts';
import { AuthFailure, toAwsError, writeError } from './wire-errors.ts';
import type { Authorizer, RequestFacts } from './authorizer.ts';
import type { Faults } from './faults.ts';
import type { OpenRequest } from './request.ts';
import type { Verifier } from './signature/verify.ts';
import type { AwsService, Permission, Protocol } from './service.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface AwsEndpointOptions {
  readonly services: readonly AwsService[];
  readonly verifier: Verifier;
  readonly authorizer: Authorizer;
  /** What goes wrong on purpose. */
  readonly faults?: Faults | undefined;
  readonly host?: string;
  /** 0 takes a free port. */
  readonly port?: number;
}

export interface AwsEndpoint {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts the endpoint; resolves once it listens. */
export async function startAwsEndpoint(options: AwsEndpointOptions): Promise<AwsEndpoint> {
  const services = new Map(options.services.map((service) => [service.name, service]));
  const server = createServer((http, response) => void answer({ ...options, byName: services }, http, response));
  // Uploads and long invocations take their time; clients keep connections for minutes.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 120_000;
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://${host}:${port}`, port, stop };
}

interface Front extends AwsEndpointOptions {
  readonly byName: ReadonlyMap<string, AwsService>;
}

async function answer(front: Front, http: IncomingMessage, response: ServerResponse): Promise<void> {
  const requestId = randomUUID();
  let protocol: Protocol = guessProtocol(http);
  try {
    const [rawPath, rawQuery] = splitUrl(http.url ?? '/');
    const query = new URLSearchParams(rawQuery);
    const signed = parseSignature(http, query);
    const service = selectService(front, http, signed?.scope.service);
    protocol = service.protocol;
    const request = openRequest(http, { requestId, rawPath, query });
    if (signed === undefined) {
      if (service.acceptsAnonymous !== true) throw new AuthFailure('unsigned', {});
      request.principal = await service.identify?.(request);
    } else {
      checkPayloadHash(service, signed.payloadHash);
      // Only a request that declares no hash has its body read before it is verified.
      const bodyHash =
        signed.payloadHash === undefined && service.protocol !== 's3' ? sha256Hex(await request.body()) : undefined;
      const verified = verifySignature(front.verifier, http, signed, bodyHash);
      request.principal = verified.principal;
      request.signature = { signed, signingKey: verified.signingKey };
    }
    await authorize(front, service, request);
    response.setHeader(service.protocol === 's3' ? 'x-amz-request-id' : 'x-amzn-requestid', requestId);
    if (signed !== undefined && signed.expiresS === undefined)
      await front.faults?.meet({ service: service.name, protocol }, response);
    await service.handle(request, response);
  } catch (error) {
    fail(error, { http, response, requestId, protocol });
  }
}

async function authorize(front: Front, service: AwsService, request: OpenRequest): Promise<void> {
  const { http, principal } = request;
  const facts: RequestFacts = {
    region: front.verifier.region,
    nowMs: front.verifier.now(),
    sourceIp: http.socket.remoteAddress,
    userAgent: http.headers['user-agent'],
  };
  const optionsFor = ({ resource }: Permission) => ({ facts, resourcePolicy: service.resourcePolicy?.(resource) });
  request.may = (permission) => front.authorizer.decide(principal, permission, optionsFor(permission)).allowed;
  for (const permission of await service.permissions(request)) {
    front.authorizer.demand(principal, permission, optionsFor(permission));
  }
}

function selectService(front: Front, http: IncomingMessage, scoped: string | undefined): AwsService {
  const name = scoped ?? { s3: 's3', dynamodb: 'dynamodb', 'rest-json': 'lambda', query: 'sts' }[guessProtocol(http)];
  const service = front.byName.get(name);
  if (service) return service;
  const known = [...front.byName.keys()].sort().join(', ');
  throw new AwsError(
    501,
    'UnknownService',
    `The local cloud does not emulate the AWS service '${name}'; it serves ${known}.`,
  );
}

/** For unsigned requests and for errors before the service is known. */
function guessProtocol(http: IncomingMessage): Protocol {
  const target = http.headers['x-amz-target'];
  const scope = /Credential=[^/]+\/\d{8}\/[^/]+\/([^/,]+)\//.exec(http.headers.authorization ?? '')?.[1];
  if (scope === 's3') return 's3';
  if (typeof target === 'string' || scope === 'dynamodb') return 'dynamodb';
  if (/^\/20\d\d-\d\d-\d\d\//.test(http.url ?? '')) return 'rest-json';
  const isForm = (http.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
  return scope === 'sts' || (isForm && splitUrl(http.url ?? '/')[0] === '/') ? 'query' : 's3';
}

/** Only S3 takes bodies that are not under the signature, and S3 insists on the header. */
function checkPayloadHash(service: AwsService, payloadHash: string | undefined): void {
  if (service.protocol === 's3' || payloadHash === undefined || /^[0-9a-f]{64}$/.test(payloadHash)) return;
  throw new AuthFailure('payload_hash_mismatch', {});
}

function fail(
  error: unknown,
  at: { http: IncomingMessage; response: ServerResponse; requestId: string; protocol: Protocol },
): void {
  const { http, response, requestId, protocol } = at;
  const known =
    error instanceof AuthFailure
      ? toAwsError(error, protocol)
      : error instanceof AwsError
        ? error
        : internal(error, protocol);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  writeError(response, known, { protocol, requestId, isHead: http.method === 'HEAD' });
  // What the client is still sending is read and dropped, so that it gets to read the answer.
  http.resume();
}

/** A client that went away is no news. */
const HUNG_UP = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE']);

function internal(error: unknown, protocol: Protocol): AwsError {
  if (!HUNG_UP.has((error as NodeJS.ErrnoException).code ?? '')) console.error('local cloud: internal error', error);
  const code = {
    s3: 'InternalError',
    dynamodb: 'InternalServerError',
    'rest-json': 'ServiceException',
    query: 'InternalFailure',
  }[protocol];
  return new AwsError(500, code, 'We encountered an internal error. Please try again.');
}
