/**
 * The one outward error, `ServiceError`, and the one table from its code to an HTTP status. Inward errors are
 * TypeError, RangeError, `ShapeError` and `NoGradientError`; an error that is none of these is answered as `internal`.
 */

/** Code -> [HTTP status, title, may a client simply try again]. */
export const ERROR_CODES = {
  invalid_request: [400, 'Invalid request', false],
  invalid_json: [400, 'Invalid JSON', false],
  unknown_field: [400, 'Unknown field', false],
  payload_too_large: [413, 'Payload too large', false],
  unsupported_media_type: [415, 'Unsupported media type', false],
  unauthenticated: [401, 'Unauthenticated', false],
  key_expired: [401, 'Key expired', false],
  tenant_suspended: [403, 'Tenant suspended', false],
  not_found: [404, 'Not found', false],
  conflict: [409, 'Conflict', false],
  idempotency_mismatch: [422, 'Idempotency key reused with another body', false],
  quota_exceeded: [429, 'Quota exceeded', false],
  rate_limited: [429, 'Rate limited', true],
  dataset_invalid: [422, 'Dataset invalid', false],
  dataset_not_ready: [409, 'Dataset not ready', true],
  model_not_ready: [409, 'Model not ready', true],
  shape_mismatch: [422, 'Shape mismatch', false],
  unsupported_operator: [422, 'Unsupported operator', false],
  training_diverged: [422, 'Training diverged', false],
  training_timeout: [504, 'Training timed out', false],
  training_out_of_memory: [422, 'Training out of memory', false],
  budget_exceeded: [422, 'Budget exceeded', false],
  cancelled: [409, 'Cancelled', false],
  internal: [500, 'Internal error', true],
} as const satisfies Record<string, readonly [status: number, title: string, retryable: boolean]>;

export type ErrorCode = keyof typeof ERROR_CODES;

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}

/** One finding within a larger error: which field (JSON pointer), row (1-based) or column, and what to do about it. */
export interface ErrorDetail {
  readonly pointer?: string;
  readonly row?: number;
  readonly column?: string;
  readonly message: string;
  readonly hint?: string;
}

/** An error meant for the caller: its message says what was expected, what stood there and what to do. */
export class ServiceError extends Error {
  readonly code: ErrorCode;
  readonly details: readonly ErrorDetail[];
  /** JSON pointer of the offending field, where there is one. */
  readonly param: string | undefined;
  readonly retryAfterS: number | undefined;
  /** Of a training: the last figures before it broke, where it was not told of any. */
  readonly lastMetrics: Readonly<Record<string, number>> | undefined;
  /** Headers that belong to the answer, such as those of the limit that was reached. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      details?: readonly ErrorDetail[];
      param?: string;
      retryAfterS?: number;
      headers?: Readonly<Record<string, string>>;
      lastMetrics?: Readonly<Record<string, number>> | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'ServiceError';
    this.code = code;
    this.details = options.details ?? [];
    this.param = options.param ?? this.details[0]?.pointer;
    this.retryAfterS = options.retryAfterS;
    this.lastMetrics = options.lastMetrics;
    this.headers = options.headers ?? {};
  }
}

/** Shapes that do not fit: the message names the operation or layer, what was expected and what was got. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

/** An op without a gradient lies on the path from a parameter to the loss. */
export class NoGradientError extends Error {
  override readonly name = 'NoGradientError';
}
