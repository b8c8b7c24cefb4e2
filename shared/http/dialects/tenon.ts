/** Our own API: a problem (RFC 9457) that OpenAI's clients understand too. */
import * as z from 'zod';
import { ERROR_CODES } from '../../errors.ts';
import { errorDetailSchema } from '../../resources/common.ts';
import { PROBLEM_TYPE, problemOf } from '../problem.ts';
import type { Dialect } from './dialect.ts';

const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.enum(Object.keys(ERROR_CODES)),
  param: z.string().nullable(),
  request_id: z.string(),
  retryable: z.boolean(),
  errors: z.array(errorDetailSchema),
  error: z.object({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string() }),
});

export const tenon: Dialect = {
  name: 'Problem',
  prefix: '/v1',
  errorType: PROBLEM_TYPE,
  errorSchema: problemSchema,
  errorAnswer(error, requestId) {
    const body = problemOf(error, requestId);
    return { status: body.status, body };
  },
};
