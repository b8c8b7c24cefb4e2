/** Open Inference Protocol v2: an error is a string. Source: inference_rest.md, "Inference Response JSON Error Object". */
import * as z from 'zod';
import { ERROR_CODES } from '../../errors.ts';
import type { Dialect } from './dialect.ts';

export const openInference: Dialect = {
  name: 'InferenceError',
  prefix: '/v2',
  errorType: 'application/json',
  errorSchema: z.object({ error: z.string() }),
  errorAnswer: ({ code, message }) => ({ status: ERROR_CODES[code][0], body: { error: message } }),
};
