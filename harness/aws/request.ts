/** The request as the services see it: who sent it, and its body without framing, read once. */
import { readPayload } from './signature/payload.ts';
import { AwsError } from './service.ts';
import type { PayloadSignature } from './signature/payload.ts';
import type { Permission, Principal, ServiceRequest } from './service.ts';
import type { IncomingMessage } from 'node:http';

const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** A request whose principal and signature front.ts fills in as it verifies them. */
export interface OpenRequest extends ServiceRequest {
  principal?: Principal | undefined;
  signature?: PayloadSignature | undefined;
  may: (permission: Permission) => boolean;
}

/** Wraps an HTTP request; nothing is read until `stream` or `body` is called. */
export function openRequest(
  http: IncomingMessage,
  parts: { requestId: string; rawPath: string; query: URLSearchParams },
): OpenRequest {
  const trailers: Record<string, string> = {};
  let whole: Promise<Buffer> | undefined;
  const request: OpenRequest = {
    http,
    method: http.method ?? 'GET',
    ...parts,
    trailers,
    may: () => false,
    stream: () => (whole === undefined ? readPayload(http, request.signature, trailers) : once(whole)),
    body: () => (whole ??= collect(readPayload(http, request.signature, trailers))),
  };
  return request;
}

async function* once(whole: Promise<Buffer>): AsyncGenerator<Buffer> {
  yield await whole;
}

async function collect(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of source) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BODY_BYTES)
      throw new AwsError(413, 'RequestEntityTooLarge', `The body is larger than ${MAX_BODY_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, sizeBytes);
}
