/**
 * Errors that API Gateway answers itself, by response type, with the default status and message of each.
 * Source: API Gateway developer guide, "Gateway response types for API Gateway".
 */

/** Response type -> [status, the more general type that applies where this one is not customised]. */
export const RESPONSE_TYPES = {
  ACCESS_DENIED: [403, 'DEFAULT_4XX'],
  API_CONFIGURATION_ERROR: [500, 'DEFAULT_5XX'],
  AUTHORIZER_CONFIGURATION_ERROR: [500, 'DEFAULT_5XX'],
  AUTHORIZER_FAILURE: [500, 'DEFAULT_5XX'],
  BAD_REQUEST_PARAMETERS: [400, 'DEFAULT_4XX'],
  BAD_REQUEST_BODY: [400, 'DEFAULT_4XX'],
  INTEGRATION_FAILURE: [504, 'DEFAULT_5XX'],
  INTEGRATION_TIMEOUT: [504, 'DEFAULT_5XX'],
  MISSING_AUTHENTICATION_TOKEN: [403, 'DEFAULT_4XX'],
  REQUEST_TOO_LARGE: [413, 'DEFAULT_4XX'],
  UNAUTHORIZED: [401, 'DEFAULT_4XX'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'DEFAULT_4XX'],
  /** Not customisable on its own: a Lambda answer that is no answer, 502. */
  MALFORMED_LAMBDA_RESPONSE: [502, 'DEFAULT_5XX'],
} as const satisfies Record<string, readonly [status: number, general: 'DEFAULT_4XX' | 'DEFAULT_5XX']>;

export type ResponseType = keyof typeof RESPONSE_TYPES;

export class GatewayError extends Error {
  readonly responseType: ResponseType;
  /** Fields of `context.authorizer` at the time, for templates. */
  readonly authorizer: Readonly<Record<string, string>>;

  constructor(responseType: ResponseType, message: string, authorizer: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = responseType;
    this.responseType = responseType;
    this.authorizer = authorizer;
  }
}
