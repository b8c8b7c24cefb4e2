/**
 * Errors on the wire: each service's codes for a refused signature or permission (one table), and the four formats
 * (S3 XML, DynamoDB JSON, REST JSON of Lambda, query XML of STS).
 */
import { AwsError } from './service.ts';
import { xmlDocument } from './xml.ts';
import type { Protocol } from './service.ts';
import type { ServerResponse } from 'node:http';

export type AuthFailureKind =
  | 'unsigned'
  | 'malformed'
  | 'unknown_key'
  | 'invalid_token'
  | 'expired_token'
  | 'signature_mismatch'
  | 'skewed'
  | 'not_yet_valid'
  | 'presigned_expired'
  | 'wrong_region'
  | 'wrong_scope_date'
  | 'host_not_signed'
  | 'headers_not_signed'
  | 'payload_hash_mismatch'
  | 'denied';

/** A refusal before the service was asked; `toAwsError` words it for the service. */
export class AuthFailure extends Error {
  readonly kind: AuthFailureKind;
  readonly details: Readonly<Record<string, string>>;

  constructor(kind: AuthFailureKind, details: Readonly<Record<string, string>>) {
    super(kind);
    this.kind = kind;
    this.details = details;
  }
}

type Wording = readonly [
  s3: readonly [status: number, code: string, message: string],
  others: readonly [code: string, message: string],
];

const CHECK_KEY = 'Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';
const NO_MATCH =
  'The request signature we calculated does not match the signature you provided. Check your key and signing method.';

/** `{name}` stands for a detail of the failure. "others" are in JSON spelling; `QUERY_CODES` has what STS calls them. */
const WORDING: Readonly<Record<AuthFailureKind, Wording>> = {
  unsigned: [
    [403, 'AccessDenied', 'Access Denied'],
    ['MissingAuthenticationTokenException', 'Request is missing Authentication Token'],
  ],
  malformed: [
    [400, 'AuthorizationHeaderMalformed', 'The authorization header is malformed; {what}'],
    ['IncompleteSignatureException', '{what}'],
  ],
  unknown_key: [
    [403, 'InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.'],
    ['UnrecognizedClientException', 'The security token included in the request is invalid.'],
  ],
  invalid_token: [
    [400, 'InvalidToken', 'The provided token is malformed or otherwise invalid.'],
    ['UnrecognizedClientException', 'The security token included in the request is invalid.'],
  ],
  expired_token: [
    [400, 'ExpiredToken', 'The provided token has expired.'],
    ['ExpiredTokenException', 'The security token included in the request is expired'],
  ],
  signature_mismatch: [
    [403, 'SignatureDoesNotMatch', NO_MATCH],
    [
      'InvalidSignatureException',
      `The request signature we calculated does not match the signature you provided. ${CHECK_KEY}`,
    ],
  ],
  skewed: [
    [403, 'RequestTimeTooSkewed', 'The difference between the request time and the current time is too large.'],
    ['InvalidSignatureException', 'Signature expired: {signedAt} is not within 15 min. of {serverTime}'],
  ],
  not_yet_valid: [
    [403, 'AccessDenied', 'Request is not yet valid'],
    ['InvalidSignatureException', 'Signature not yet current: {signedAt} is still later than {serverTime}'],
  ],
  presigned_expired: [
    [403, 'AccessDenied', 'Request has expired'],
    ['InvalidSignatureException', 'Signature expired: {signedAt} plus {expiresS} s is now earlier than {serverTime}'],
  ],
  wrong_region: [
    [
      400,
      'AuthorizationHeaderMalformed',
      "The authorization header is malformed; the region '{got}' is wrong; expecting '{expected}'",
    ],
    [
      'InvalidSignatureException',
      "Credential should be scoped to a valid region, not '{got}'; this endpoint is in '{expected}'.",
    ],
  ],
  wrong_scope_date: [
    [
      403,
      'SignatureDoesNotMatch',
      "Date in Credential scope does not match YYYYMMDD from the request's date: '{got}' != '{expected}'.",
    ],
    [
      'InvalidSignatureException',
      "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{got}' != '{expected}'.",
    ],
  ],
  host_not_signed: [
    [403, 'AccessDenied', "'Host' must be a 'SignedHeader' in the AWS Authorization."],
    ['InvalidSignatureException', "'Host' must be a 'SignedHeader' in the AWS Authorization."],
  ],
  headers_not_signed: [
    [403, 'AccessDenied', 'There were headers present in the request which were not signed'],
    ['InvalidSignatureException', 'There were headers present in the request which were not signed: {headers}'],
  ],
  payload_hash_mismatch: [
    [400, 'XAmzContentSHA256Mismatch', "The provided 'x-amz-content-sha256' header does not match what was computed."],
    [
      'InvalidSignatureException',
      `The request signature we calculated does not match the signature you provided. ${CHECK_KEY}`,
    ],
  ],
  denied: [
    [403, 'AccessDenied', 'User: {arn} is not authorized to perform: {action} on resource: "{resource}" {because}'],
    ['AccessDeniedException', 'User: {arn} is not authorized to perform: {action} on resource: {resource} {because}'],
  ],
};

/** What the query protocol (STS) calls the codes of the JSON protocols. */
const QUERY_CODES: Readonly<Record<string, string>> = {
  IncompleteSignatureException: 'IncompleteSignature',
  MissingAuthenticationTokenException: 'MissingAuthenticationToken',
  UnrecognizedClientException: 'InvalidClientTokenId',
  ExpiredTokenException: 'ExpiredToken',
  InvalidSignatureException: 'SignatureDoesNotMatch',
  AccessDeniedException: 'AccessDenied',
};

/** The failure in the words of a service. */
export function toAwsError(failure: AuthFailure, protocol: Protocol): AwsError {
  const [s3, [code, message]] = WORDING[failure.kind];
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (_, name: string) => failure.details[name] ?? '').trim();
  if (protocol === 's3') return new AwsError(s3[0], s3[1], fill(s3[2]), { fields: s3Fields(failure) });
  if (protocol === 'query') return new AwsError(403, QUERY_CODES[code] ?? code, fill(message));
  return new AwsError(protocol === 'dynamodb' ? 400 : 403, code, fill(message));
}

/** The further elements that S3 adds, which clients and people use to find out what went wrong. */
function s3Fields({ kind, details }: AuthFailure): Record<string, string> {
  if (kind === 'signature_mismatch') {
    return { StringToSign: details['stringToSign'] ?? '', CanonicalRequest: details['canonicalRequest'] ?? '' };
  }
  if (kind === 'unknown_key') return { AWSAccessKeyId: details['accessKeyId'] ?? '' };
  if (kind === 'wrong_region') return { Region: details['expected'] ?? '' };
  if (kind === 'skewed')
    return {
      RequestTime: details['signedAt'] ?? '',
      ServerTime: details['serverTime'] ?? '',
      MaxAllowedSkewMilliseconds: '900000',
    };
  return {};
}

/** Writes an error; nothing may have been written to the response before. */
export function writeError(
  response: ServerResponse,
  error: AwsError,
  wire: { protocol: Protocol; requestId: string; isHead?: boolean },
): void {
  const [type, body] = FORMATS[wire.protocol](error, wire.requestId);
  const headers: Record<string, string> = {
    ...(wire.protocol === 's3' ? { 'x-amz-request-id': wire.requestId } : { 'x-amzn-requestid': wire.requestId }),
    ...(wire.protocol === 'rest-json' ? { 'x-amzn-errortype': error.code } : {}),
    ...error.headers,
  };
  const hasBody = !(wire.isHead ?? false) && error.status !== 304;
  if (hasBody) Object.assign(headers, { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) });
  response.writeHead(error.status, headers);
  response.end(hasBody ? body : undefined);
}

const FORMATS: Readonly<Record<Protocol, (error: AwsError, requestId: string) => [type: string, body: string]>> = {
  s3: (error, requestId) => [
    'application/xml',
    xmlDocument('Error', {
      Code: error.code,
      Message: error.message,
      ...error.fields,
      RequestId: requestId,
      HostId: 'localhost',
    }),
  ],
  dynamodb: (error) => [
    'application/x-amz-json-1.0',
    JSON.stringify({ __type: `com.amazon.coral.service#${error.code}`, message: error.message }),
  ],
  'rest-json': (error) => [
    'application/json',
    JSON.stringify({
      Type: error.status < 500 ? 'User' : 'Service',
      Message: error.message,
      message: error.message,
      ...error.fields,
    }),
  ],
  query: (error, requestId) => [
    'text/xml',
    xmlDocument(
      'ErrorResponse',
      {
        Error: { Type: error.status < 500 ? 'Sender' : 'Receiver', Code: error.code, Message: error.message },
        RequestId: requestId,
      },
      'https://sts.amazonaws.com/doc/2011-06-15/',
    ),
  ],
};
