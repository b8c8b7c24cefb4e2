/**
 * Errors -> answers, in one place. The body is a problem (RFC 9457) and an OpenAI error at once. An error that is not ours
 * is logged by the caller and answered with a fixed sentence: an error object is never serialised.
 */
import { ERROR_CODES, ServiceError, ShapeError } from '../errors.ts';
import type { ErrorCode, ErrorDetail } from '../errors.ts';

export const PROBLEM_TYPE = 'application/problem+json';

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly param: string | null;
  readonly request_id: string;
  readonly retryable: boolean;
  readonly errors: readonly ErrorDetail[];
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: ErrorCode;
  };
}

/** The error as the caller may see it: itself when it is meant for callers, else `internal`. */
export function toServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  if (error instanceof ShapeError) return new ServiceError('shape_mismatch', error.message, { cause: error });
  return new ServiceError(
    'internal',
    'Something went wrong on our side. Nothing was charged; try again, and quote request_id if it stays.',
    { cause: error },
  );
}

export function problemOf(error: ServiceError, requestId: string): Problem {
  const [status, title, isRetryable] = ERROR_CODES[error.code];
  const param = error.param ?? null;
  return {
    type: `urn:tenon:error:${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    param,
    request_id: requestId,
    retryable: isRetryable,
    errors: error.details,
    error: { message: error.message, type: openAiType(status), param, code: error.code },
  };
}

/** OpenAI's clients choose their exception by status and show this word. */
function openAiType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
