/** A request signed by the SDK's signer, to be changed between signing and sending. */
import { request as httpRequest } from 'node:http';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { REGION } from './start-cloud.ts';
import type { AwsCredentials } from '../../../harness/aws/index.ts';

export interface SignedRequest {
  method: string;
  path: string;
  query?: Record<string, string>;
  headers: Record<string, string>;
  body?: string | Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Signs `request` for a service at `url`. */
export async function signRequest(
  url: string,
  request: SignedRequest,
  options: {
    credentials: AwsCredentials;
    service: string;
    region?: string;
    signingDate?: Date;
    applyChecksum?: boolean;
  },
): Promise<SignedRequest> {
  const { hostname, port, host } = new URL(url);
  const signer = new SignatureV4({
    credentials: options.credentials,
    service: options.service,
    region: options.region ?? REGION,
    sha256: Sha256,
    uriEscapePath: options.service !== 's3',
    applyChecksum: options.applyChecksum ?? true,
  });
  const unsigned = {
    protocol: 'http:',
    hostname,
    port: Number(port),
    ...request,
    headers: { ...request.headers, host },
  };
  const signed = await signer.sign(
    unsigned as unknown as Parameters<typeof signer.sign>[0],
    options.signingDate ? { signingDate: options.signingDate } : {},
  );
  return { ...request, headers: signed.headers };
}

/** Sends exactly what is given, over plain node:http. */
export function send(url: string, { method, path, query, headers, body }: SignedRequest): Promise<Answer> {
  const search = query ? `?${new URLSearchParams(query).toString()}` : '';
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(`${url}${path}${search}`, { method, headers, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode!, headers: incoming.headers, body: Buffer.concat(chunks).toString() }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
