/**
 * Where a request carries its signature: the Authorization header, the presigned query, or nowhere. What is malformed is
 * refused here, before any secret is looked up.
 */
import { ALGORITHM } from './canonical.ts';
import { AwsError } from '../service.ts';
import { AuthFailure } from '../wire-errors.ts';
import type { CredentialScope } from './canonical.ts';
import type { IncomingMessage } from 'node:http';

export interface SignedWith {
  readonly accessKeyId: string;
  readonly scope: CredentialScope;
  /** `20261123T120000Z`. */
  readonly amzDate: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly sessionToken: string | undefined;
  readonly payloadHash: string | undefined;
  /** Lifetime of a presigned URL; undefined for a header signature. */
  readonly expiresS: number | undefined;
}

/** Undefined for an unsigned request. */
export function parseSignature(http: IncomingMessage, query: URLSearchParams): SignedWith | undefined {
  const authorization = http.headers.authorization;
  const isPresigned = query.has('X-Amz-Algorithm') || query.has('X-Amz-Signature');
  if (authorization !== undefined && isPresigned) {
    throw new AwsError(
      400,
      'InvalidArgument',
      'Only one auth mechanism allowed; the Authorization header and X-Amz-Algorithm were both found',
    );
  }
  if (isPresigned) return fromQuery(http, query);
  return authorization === undefined ? undefined : fromHeader(http, authorization);
}

function fromHeader(http: IncomingMessage, authorization: string): SignedWith {
  const space = authorization.indexOf(' ');
  const algorithm = authorization.slice(0, space);
  if (algorithm !== ALGORITHM) {
    throw malformed(`the Authorization header must begin with ${ALGORITHM}, not with '${algorithm.slice(0, 40)}'`);
  }
  const fields = new Map<string, string>();
  for (const part of authorization.slice(space + 1).split(',')) {
    const equals = part.indexOf('=');
    fields.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  const field = (name: string): string => {
    const value = fields.get(name);
    if (value) return value;
    throw malformed(`Authorization header requires '${name}' parameter`);
  };
  return {
    ...parseCredential(field('Credential')),
    amzDate: parseAmzDate(single(http, 'x-amz-date') ?? http.headers.date),
    signedHeaders: field('SignedHeaders').split(';'),
    signature: field('Signature'),
    sessionToken: single(http, 'x-amz-security-token'),
    payloadHash: single(http, 'x-amz-content-sha256'),
    expiresS: undefined,
  };
}

function fromQuery(http: IncomingMessage, query: URLSearchParams): SignedWith {
  const field = (name: string): string => {
    const value = query.get(name);
    if (value) return value;
    throw new AwsError(
      403,
      'AuthorizationQueryParametersError',
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    );
  };
  if (field('X-Amz-Algorithm') !== ALGORITHM) throw malformed(`X-Amz-Algorithm only supports ${ALGORITHM}`);
  const expiresS = Number(field('X-Amz-Expires'));
  if (!Number.isInteger(expiresS) || expiresS < 0 || expiresS > 604_800) {
    throw new AwsError(
      400,
      'AuthorizationQueryParametersError',
      'X-Amz-Expires must be a number of seconds from 0 to 604800',
    );
  }
  return {
    ...parseCredential(field('X-Amz-Credential')),
    amzDate: parseAmzDate(field('X-Amz-Date')),
    signedHeaders: field('X-Amz-SignedHeaders').split(';'),
    signature: field('X-Amz-Signature'),
    sessionToken: query.get('X-Amz-Security-Token') ?? undefined,
    payloadHash: query.get('X-Amz-Content-Sha256') ?? single(http, 'x-amz-content-sha256'),
    expiresS,
  };
}

/** `AKIA.../20261123/us-east-1/s3/aws4_request`. */
export function parseCredential(credential: string): { accessKeyId: string; scope: CredentialScope } {
  const [accessKeyId, date, region, service, end, ...rest] = credential.split('/');
  if (!accessKeyId || !/^\d{8}$/.test(date ?? '') || !region || !service || end !== 'aws4_request' || rest.length > 0) {
    throw malformed('Credential must be <access key>/<yyyymmdd>/<region>/<service>/aws4_request');
  }
  return { accessKeyId, scope: { date: date!, region, service } };
}

function parseAmzDate(text: string | undefined): string {
  if (text === undefined) throw malformed('the request needs an X-Amz-Date or Date header');
  if (/^\d{8}T\d{6}Z$/.test(text)) return text;
  const parsed = Date.parse(text);
  if (Number.isNaN(parsed)) throw malformed(`Date must be in ISO-8601 'basic format', got '${text.slice(0, 40)}'`);
  return new Date(parsed).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

/** Milliseconds since the epoch of `20261123T120000Z`. */
export const amzDateMs = (amzDate: string): number =>
  Date.parse(amzDate.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

const malformed = (what: string): AuthFailure => new AuthFailure('malformed', { what });

/** The header's value; repeated headers are joined as HTTP joins them. */
function single(http: IncomingMessage, name: string): string | undefined {
  const value = http.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}
