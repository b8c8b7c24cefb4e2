/** Errors about the tensors of a request: a JSON pointer, and what was expected and got. */
import { ServiceError } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';

export function tensorError(pointer: string, message: string, code: ErrorCode = 'invalid_request'): ServiceError {
  const text = `${pointer}: ${message}`;
  return new ServiceError(code, text, { param: pointer, details: [{ pointer, message }] });
}

/** A value in an error message, at most 40 characters; big integers, which JSON.stringify refuses, included. */
export function quote(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  const text = typeof value === 'bigint' ? String(value) : value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
