/**
 * The SageMaker runtime: the client takes the exception from a header. What the model refuses is a ModelError (424), as from
 * a container that answers 4xx. Source: botocore, data/sagemaker-runtime/2017-05-13/service-2.json
 */
import * as z from 'zod';
import { ERROR_CODES } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';
import type { Dialect } from './dialect.ts';

/** Code -> [exception, status]; others are what the model says of its input. */
const EXCEPTIONS: Readonly<Partial<Record<ErrorCode, readonly [name: string, status: number]>>> = {
  not_found: ['ValidationError', 404],
  model_not_ready: ['ModelNotReadyException', 429],
  rate_limited: ['ThrottlingException', 429],
  quota_exceeded: ['ThrottlingException', 429],
  unauthenticated: ['SignatureDoesNotMatch', 401],
  internal: ['InternalFailure', 500],
};

export const sagemaker: Dialect = {
  name: 'SageMakerError',
  prefix: '/endpoints',
  errorType: 'application/json',
  errorSchema: z.object({
    Message: z.string(),
    OriginalStatusCode: z.number().int().optional(),
    OriginalMessage: z.string().optional(),
  }),
  errorAnswer({ code, message }) {
    const [name, status] = EXCEPTIONS[code] ?? ['ModelError', 424];
    const original = { OriginalStatusCode: ERROR_CODES[code][0], OriginalMessage: message };
    const body = { Message: message, ...(name === 'ModelError' ? original : {}) };
    return { status, headers: { 'x-amzn-errortype': name }, body };
  },
};
