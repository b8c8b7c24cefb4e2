/**
 * The errors that API Gateway answers without calling a function, in the body of the service's own errors: an RFC 9457
 * problem and an OpenAI error at once. Types: https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
 */
import * as apigateway from 'aws-cdk-lib/aws-apigateway';

interface GatewayError {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly retryable: boolean;
}

const NOT_FOUND: GatewayError = {
  status: 404,
  code: 'not_found',
  title: 'Not found',
  detail: 'No such method and path. GET /v1/openapi.json lists them all.',
  retryable: false,
};

const INTERNAL: GatewayError = {
  status: 500,
  code: 'internal',
  title: 'Internal error',
  detail: 'The request failed on our side. Try again; if it stays, give the operator the request_id.',
  retryable: true,
};

const INVALID: GatewayError = {
  status: 400,
  code: 'invalid_request',
  title: 'Invalid request',
  detail: 'The request is not valid HTTP for this API: check its path, its query string, its headers and its size.',
  retryable: false,
};

const RATE_LIMITED: GatewayError = {
  status: 429,
  code: 'rate_limited',
  title: 'Rate limited',
  detail: 'The service takes no more requests this second. Wait a second and try again.',
  retryable: true,
};

const { ResponseType } = apigateway;

/** A type that is not listed falls to the default of its class, whose status API Gateway keeps. */
const ERRORS: readonly (readonly [apigateway.ResponseType, GatewayError])[] = [
  [
    ResponseType.UNAUTHORIZED,
    {
      status: 401,
      code: 'unauthenticated',
      title: 'Unauthenticated',
      detail:
        'No valid API key. Send one as "Authorization: Bearer <key>" or "x-api-key: <key>"; a revoked or expired key is not valid.',
      retryable: false,
    },
  ],
  [
    ResponseType.ACCESS_DENIED,
    {
      status: 403,
      code: 'tenant_suspended',
      title: 'Tenant suspended',
      detail: 'The tenant of this key is suspended. Ask the operator of the service.',
      retryable: false,
    },
  ],
  [ResponseType.MISSING_AUTHENTICATION_TOKEN, NOT_FOUND],
  // On an unknown path API Gateway takes "Authorization: Bearer" for a broken AWS signature.
  [ResponseType.INVALID_SIGNATURE, NOT_FOUND],
  [ResponseType.RESOURCE_NOT_FOUND, NOT_FOUND],
  [
    ResponseType.REQUEST_TOO_LARGE,
    {
      status: 413,
      code: 'payload_too_large',
      title: 'Payload too large',
      detail:
        'The body is larger than the 6 MB that a request may have, escapes of JSON included. Upload large datasets to the URL that POST /v1/datasets answers with; predict many rows with POST /v1/batches over a dataset.',
      retryable: false,
    },
  ],
  [
    ResponseType.UNSUPPORTED_MEDIA_TYPE,
    {
      status: 415,
      code: 'unsupported_media_type',
      title: 'Unsupported media type',
      detail: 'The content-type is not one that this path takes. Send application/json.',
      retryable: false,
    },
  ],
  [ResponseType.THROTTLED, RATE_LIMITED],
  [ResponseType.QUOTA_EXCEEDED, RATE_LIMITED],
  [ResponseType.BAD_REQUEST_PARAMETERS, INVALID],
  [ResponseType.BAD_REQUEST_BODY, INVALID],
  [
    ResponseType.WAF_FILTERED,
    { ...INVALID, status: 403, detail: 'The firewall of this deployment refused the request.' },
  ],
  [ResponseType.INTEGRATION_FAILURE, { ...INTERNAL, status: 504 }],
  [
    ResponseType.INTEGRATION_TIMEOUT,
    {
      ...INTERNAL,
      status: 504,
      detail:
        'The answer took longer than the gateway waits (29 seconds). Predictions: send "Prefer: respond-async", or fewer instances at once.',
    },
  ],
  [ResponseType.AUTHORIZER_FAILURE, INTERNAL],
  [ResponseType.AUTHORIZER_CONFIGURATION_ERROR, INTERNAL],
  [ResponseType.API_CONFIGURATION_ERROR, INTERNAL],
];

export function addGatewayErrors(api: apigateway.RestApi): void {
  for (const [type, error] of ERRORS) addResponse(api, type, error, String(error.status));
  addResponse(api, ResponseType.DEFAULT_4XX, INVALID);
  addResponse(api, ResponseType.DEFAULT_5XX, INTERNAL);
}

function addResponse(
  api: apigateway.RestApi,
  type: apigateway.ResponseType,
  error: GatewayError,
  statusCode?: string,
): void {
  api.addGatewayResponse(type.responseType, {
    type,
    ...(statusCode === undefined ? {} : { statusCode }),
    responseHeaders: {
      'content-type': "'application/problem+json'",
      'x-request-id': 'context.requestId',
      ...(error.retryable ? { 'retry-after': "'1'" } : {}),
    },
    templates: { 'application/json': bodyOf(error) },
  });
}

/** Members in the order of `api.md`; `$context.requestId` is filled in by API Gateway. */
function bodyOf({ status, code, title, detail, retryable }: GatewayError): string {
  return JSON.stringify({
    type: `urn:tenon:error:${code}`,
    title,
    status,
    detail,
    code,
    param: null,
    request_id: '$context.requestId',
    retryable,
    errors: [],
    error: { message: detail, type: openAiType(status), param: null, code },
  });
}

/** OpenAI's clients show this word. */
function openAiType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
