/** MLflow's scoring server. Source: mlflow/protos/databricks.proto, "ErrorCode". */
import * as z from 'zod';
import { ERROR_CODES } from '../../errors.ts';
import type { Dialect } from './dialect.ts';

const CODES: Readonly<Record<number, string>> = {
  400: 'INVALID_PARAMETER_VALUE',
  404: 'RESOURCE_DOES_NOT_EXIST',
  409: 'INVALID_STATE',
  413: 'INVALID_PARAMETER_VALUE',
  415: 'INVALID_PARAMETER_VALUE',
  422: 'INVALID_PARAMETER_VALUE',
  429: 'REQUEST_LIMIT_EXCEEDED',
};

export const mlflow: Dialect = {
  name: 'MlflowError',
  prefix: '/mlflow',
  errorType: 'application/json',
  errorSchema: z.object({ error_code: z.string(), message: z.string() }),
  errorAnswer({ code, message }) {
    const [status] = ERROR_CODES[code];
    return { status, body: { error_code: CODES[status] ?? 'INTERNAL_ERROR', message } };
  },
};
