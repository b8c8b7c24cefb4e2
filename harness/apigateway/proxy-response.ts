/**
 * A function's answer -> the HTTP response, for buffered and streamed proxy integrations.
 * Source: API Gateway developer guide, "Output format of a Lambda function for proxy integration" and "Stream the
 * integration response" (metadata JSON, 8 zero bytes, body).
 */
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { isObject } from '../template/json.ts';
import type { Json } from '../template/json.ts';
import { GatewayError } from './gateway-error.ts';
import { isBinaryType } from './proxy-event.ts';
import type { RequestFacts } from './proxy-event.ts';

const PRELUDE_DELIMITER = Buffer.alloc(8);
const MAX_PRELUDE_BYTES = 1_048_576;
/** Set by the connection itself. */
const OWN_HEADERS = new Set(['connection', 'transfer-encoding', 'content-length', 'keep-alive', 'date']);

export interface ProxyResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly body: Buffer;
}

function malformed(why: string): GatewayError {
  return Object.assign(new GatewayError('MALFORMED_LAMBDA_RESPONSE', 'Internal server error'), { cause: why });
}

function readStatus(value: Json | undefined): number {
  const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value;
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 100 || status > 599)
    throw malformed(`statusCode is ${JSON.stringify(value)}`);
  return status;
}

function readHeaders(single: Json | undefined, multiple: Json | undefined): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  const add = (name: string, value: Json | undefined) => {
    if (typeof value === 'object' || value === undefined) throw malformed(`the header ${name} is not text`);
    (headers[name.toLowerCase()] ??= []).push(String(value));
  };
  if (single !== undefined && single !== null && !isObject(single)) throw malformed('headers is not an object');
  if (multiple !== undefined && multiple !== null && !isObject(multiple))
    throw malformed('multiValueHeaders is not an object');
  for (const [name, values] of Object.entries(multiple ?? {})) {
    if (!Array.isArray(values)) throw malformed(`multiValueHeaders.${name} is not a list`);
    for (const value of values as readonly Json[]) add(name, value);
  }
  for (const [name, value] of Object.entries(single ?? {})) {
    const isListed = headers[name.toLowerCase()]?.includes(JSON.stringify(value).replace(/^"(.*)"$/s, '$1')) === true;
    if (!isListed) add(name, value);
  }
  return headers;
}

/** @throws GatewayError MALFORMED_LAMBDA_RESPONSE 502, with the reason as its cause. */
export function readProxyResponse(
  payload: Buffer,
  facts: RequestFacts,
  binaryMediaTypes: readonly string[],
): ProxyResponse {
  let answer: Json;
  try {
    answer = JSON.parse(payload.toString('utf8')) as Json;
  } catch {
    throw malformed('the answer is not JSON');
  }
  if (!isObject(answer)) throw malformed('the answer is not an object');
  const known = new Set(['statusCode', 'headers', 'multiValueHeaders', 'body', 'isBase64Encoded', 'cookies']);
  const unknown = Object.keys(answer).find((key) => !known.has(key));
  if (unknown !== undefined) throw malformed(`the answer has the unknown field ${unknown}`);
  const status = readStatus(answer.statusCode);
  const headers = readHeaders(answer.headers, answer.multiValueHeaders);
  const { body } = answer;
  if (body !== undefined && body !== null && typeof body !== 'string') throw malformed('body is not a string');
  const firstAccept = facts.header('accept')?.split(',')[0] ?? headers['content-type']?.[0];
  const isDecoded = answer.isBase64Encoded === true && isBinaryType(firstAccept, binaryMediaTypes);
  return {
    status,
    headers: { 'content-type': ['application/json'], ...headers },
    body: Buffer.from(body ?? '', isDecoded ? 'base64' : 'utf8'),
  };
}

function writeHead(
  response: ServerResponse,
  facts: RequestFacts,
  status: number,
  headers: Readonly<Record<string, readonly string[]>>,
): void {
  response.statusCode = status;
  response.setHeader('x-amzn-RequestId', facts.requestId);
  response.setHeader('x-amz-apigw-id', facts.extendedRequestId);
  for (const [name, values] of Object.entries(headers)) {
    if (OWN_HEADERS.has(name)) continue;
    response.setHeader(name, values.length === 1 ? values[0]! : values);
  }
}

export function writeProxyResponse(
  response: ServerResponse,
  facts: RequestFacts,
  { status, headers, body }: ProxyResponse,
): void {
  writeHead(response, facts, status, headers);
  response.setHeader('Content-Length', body.length);
  response.end(facts.httpMethod === 'HEAD' ? undefined : body);
}

/** Reads the prelude, then passes the body on as it comes. */
export async function pipeStreamedResponse(
  response: ServerResponse,
  facts: RequestFacts,
  body: Readable,
): Promise<void> {
  let prelude = Buffer.alloc(0);
  let hasBegun = false;
  for await (const chunk of body) {
    if (hasBegun) {
      if (!response.write(chunk as Buffer)) await drained(response);
      // Leaving the loop closes the connection to the function, whose next write then fails.
      if (response.destroyed) return;
      continue;
    }
    prelude = Buffer.concat([prelude, chunk as Buffer]);
    const end = prelude.indexOf(PRELUDE_DELIMITER);
    if (end === -1 && prelude.length > MAX_PRELUDE_BYTES) throw malformed('a streamed answer without its metadata');
    if (end === -1) continue;
    beginStream(response, facts, prelude.subarray(0, end));
    hasBegun = true;
    if (prelude.length > end + PRELUDE_DELIMITER.length)
      response.write(prelude.subarray(end + PRELUDE_DELIMITER.length));
  }
  if (!hasBegun) throw malformed('a streamed answer without its metadata');
  response.end();
}

/** Settles when the client has taken what was written, or is gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off('drain', settle).off('close', settle);
      resolve();
    };
    response.once('drain', settle).once('close', settle);
    if (response.destroyed) settle();
  });
}

function beginStream(response: ServerResponse, facts: RequestFacts, metadata: Buffer): void {
  const { status, headers } = readProxyResponse(metadata, facts, []);
  const answer = JSON.parse(metadata.toString('utf8')) as { cookies?: string[] };
  writeHead(response, facts, status, { ...headers, ...(answer.cookies ? { 'set-cookie': answer.cookies } : {}) });
  response.flushHeaders();
}
