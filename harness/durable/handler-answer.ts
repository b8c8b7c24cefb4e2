/** What a durable function's invocation answered: `{Status, Result?, Error?}`, or an error of Lambda itself. */
import { isObject } from '../template/json.ts';
import type { Json } from '../template/json.ts';
import type { ErrorObject } from './operation.ts';

export type HandlerAnswer =
  | { readonly status: 'SUCCEEDED'; readonly result: string | undefined }
  | { readonly status: 'FAILED'; readonly error: ErrorObject }
  | { readonly status: 'PENDING' };

function parse(payload: Buffer): Json {
  try {
    return JSON.parse(payload.toString('utf8')) as Json;
  } catch {
    return null;
  }
}

const text = (value: Json | undefined) => (typeof value === 'string' ? value : undefined);

/** An answer that is none of the protocol's ends the execution. */
export function readHandlerAnswer(payload: Buffer): HandlerAnswer {
  const answer = parse(payload);
  if (isObject(answer)) {
    if (answer.Status === 'SUCCEEDED') return { status: 'SUCCEEDED', result: text(answer.Result) };
    if (answer.Status === 'FAILED') return { status: 'FAILED', error: isObject(answer.Error) ? answer.Error : {} };
    if (answer.Status === 'PENDING') return { status: 'PENDING' };
  }
  const shown = payload.toString('utf8').slice(0, 200);
  return {
    status: 'FAILED',
    error: {
      ErrorType: 'InvalidParameterValueException',
      ErrorMessage: `The function did not answer as a durable function does: expected {"Status": ...}, got ${shown}`,
    },
  };
}

/** A function error's payload as the error of an operation. */
export function errorOfPayload(payload: Buffer): ErrorObject {
  const error = parse(payload);
  if (!isObject(error)) return { ErrorMessage: payload.toString('utf8') };
  const type = text(error.errorType);
  const message = text(error.errorMessage);
  const trace = Array.isArray(error.trace) ? (error.trace as readonly Json[]).map(String) : undefined;
  return {
    ...(type === undefined ? {} : { ErrorType: type }),
    ...(message === undefined ? {} : { ErrorMessage: message }),
    ...(trace === undefined ? {} : { StackTrace: trace }),
  };
}
