/** Why a training failed, as the job tells it: one of the closed list of codes, the place where there is one, what to do. */
import { ServiceError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import type { JobError } from '../resources/training.ts';

const HINTS: Partial<Record<ErrorCode, string>> = {
  training_diverged:
    'of a network, a smaller learning rate is the first thing to try; of the others, smaller or standardized features',
  training_out_of_memory: 'a smaller batch_size or model, fewer columns or rows need less memory',
  training_timeout: 'use fewer epochs, less data or a smaller model',
  internal: 'ask your operator with the id of this job',
};

/** ONNX Runtime names the node that failed. */
const FAILED_NODE = /while running (\w+) node/;
const OUT_OF_MEMORY =
  /bad_alloc|failed to allocate|allocat\w+ (?:failed|memory)|Array buffer allocation failed|out of memory/i;

/** What an error of training or publishing says to the tenant. @throws the error itself when it may be gone at the next try */
export function failureOf(error: unknown, phase: JobError['phase']): JobError {
  if (error instanceof ServiceError) return jobError(error, phase);
  if (!(error instanceof Error)) throw error;
  const op = FAILED_NODE.exec(error.message)?.[1];
  if (OUT_OF_MEMORY.test(error.message))
    return failure('training_out_of_memory', phase, { message: 'there was not enough memory', op });
  if (op !== undefined) return failure('internal', phase, { message: `the operator ${op} could not be run`, op });
  throw error;
}

export function jobError(error: ServiceError, phase: JobError['phase']): JobError {
  const place = error.details.find(({ row, column }) => row !== undefined || column !== undefined);
  const hint = error.details[0]?.hint ?? HINTS[error.code];
  return {
    code: error.code,
    phase,
    message: error.message,
    ...(error.param === undefined ? {} : { param: error.param }),
    ...(place?.row === undefined ? {} : { row: place.row }),
    ...(place?.column === undefined ? {} : { column: place.column }),
    ...(hint === undefined ? {} : { hint }),
    ...(error.details.length === 0 ? {} : { errors: [...error.details] }),
    ...(error.lastMetrics === undefined ? {} : { last_metrics: { ...error.lastMetrics } }),
  };
}

/** A failure of the closed list with its hint. */
export function failure(
  code: ErrorCode,
  phase: JobError['phase'],
  { message, op }: { message: string; op?: string | undefined },
): JobError {
  const hint = HINTS[code];
  return { code, phase, message, ...(op === undefined ? {} : { op }), ...(hint === undefined ? {} : { hint }) };
}

/** What became of a function that gave no answer of its own, by what Lambda says of it. */
export function crashCode(reason: string): ErrorCode {
  if (/timed out after/i.test(reason)) return 'training_timeout';
  // Lambda ends a function that takes too much memory with SIGKILL, Node itself with SIGABRT.
  return /signal: (?:killed|aborted|SIGABRT)|OutOfMemory|exit status 134/.test(reason) || OUT_OF_MEMORY.test(reason)
    ? 'training_out_of_memory'
    : 'internal';
}
