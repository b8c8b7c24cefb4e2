/**
 * Limits of an invocation and the payloads Lambda answers where the function did not answer itself.
 * Source: AWS Lambda developer guide, "Lambda quotas" and "Troubleshoot invocation issues".
 */
import { AwsError } from '../aws/service.ts';
import type { FunctionModel } from '../template/index.ts';

export const MAX_SYNC_BYTES = 6_291_456;
export const MAX_ASYNC_BYTES = 1_048_576;
const TENANT_ID = /^[a-zA-Z0-9._:/=+\-@ ]{1,256}$/;

/** The error payload in Lambda's own words: `RequestId: ... Error: ...`. */
export function errorPayload(errorType: string, requestId: string, message: string): Buffer {
  return Buffer.from(JSON.stringify({ errorType, errorMessage: `RequestId: ${requestId} Error: ${message}` }));
}

/** @throws AwsError RequestTooLargeException 413. */
export function checkRequestSize(payload: Buffer, limitBytes: number): void {
  if (payload.length <= limitBytes) return;
  throw new AwsError(
    413,
    'RequestTooLargeException',
    `${payload.length} byte payload is too large for the ${limitBytes === MAX_ASYNC_BYTES ? 'Event' : 'RequestResponse'} invocation type (limit ${limitBytes} bytes)`,
  );
}

/** @throws AwsError InvalidRequestContentException 400 if the payload is not JSON. */
export function checkJson(payload: Buffer): void {
  if (payload.length === 0) return;
  try {
    JSON.parse(payload.toString('utf8'));
  } catch (error) {
    throw new AwsError(
      400,
      'InvalidRequestContentException',
      `Could not parse request body into json: ${(error as Error).message}`,
    );
  }
}

/** @throws AwsError ValidationException or InvalidParameterValueException 400 if the tenant id is wrong, missing or not wanted. */
export function checkTenant(fn: FunctionModel, tenantId: string | undefined): void {
  if (tenantId !== undefined && !TENANT_ID.test(tenantId)) {
    throw new AwsError(
      400,
      'ValidationException',
      `1 validation error detected: Value '${tenantId}' at 'tenantId' failed to satisfy constraint: 1 to 256 characters of [a-zA-Z0-9\\._:\\/=+\\-@ ]`,
    );
  }
  if (fn.isTenantIsolated && tenantId === undefined) {
    throw new AwsError(
      400,
      'InvalidParameterValueException',
      'The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again.',
    );
  }
  if (!fn.isTenantIsolated && tenantId !== undefined) {
    throw new AwsError(
      400,
      'InvalidParameterValueException',
      'The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try again.',
    );
  }
}
