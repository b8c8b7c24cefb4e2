/**
 * An API dialect: the routes under one prefix and the words in which they answer errors. Requests and successes are the
 * operations' own; what goes wrong is one ServiceError everywhere and differs only in its body. The path's prefix chooses,
 * because clients look for `error` as a string here and as an object there.
 */
import type * as z from 'zod';
import type { ServiceError } from '../../errors.ts';

export interface ErrorAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object;
}

export interface Dialect {
  readonly name: string;
  /** Of its paths, e.g. `/v2`. */
  readonly prefix: string;
  /** Media type and schema of its errors, for the OpenAPI document. */
  readonly errorType: string;
  readonly errorSchema: z.ZodType;
  readonly errorAnswer: (error: ServiceError, requestId: string) => ErrorAnswer;
}
