/** The outer side of a prediction in a process of its own: for runs that may take longer than somebody waits, as nothing can interrupt one. */
import { ServiceError } from '../../errors.ts';
import { runLimited } from '../limited-process.ts';
import type { ProcessLimits } from '../limited-process.ts';
import type { ApartAnswer, ApartRequest } from './request.ts';

/** More than an answer may have, escaped. */
const MAX_ANSWER_CHARS = 100_000_000;

export interface Predicted {
  readonly predictions: readonly unknown[];
  /** What they took, the start of the process and the loading of the model apart. */
  readonly ms: number;
}

/**
 * Predicts, or gives up when the time is over. @param limits `main` calls serveApart
 * @returns undefined where it was not done in time. @throws {ServiceError} as a prediction does, and for a process that is lost
 */
export async function predictApart(request: ApartRequest, limits: ProcessLimits): Promise<Predicted | undefined> {
  const { lines, how, isLate } = await runLimited(JSON.stringify(request), { ...limits, maxChars: MAX_ANSWER_CHARS });
  const answer = lines.length === 0 ? undefined : (JSON.parse(lines[0]!) as ApartAnswer);
  if (answer === undefined) {
    // The kernel counts the processor's time, and may be first.
    if (isLate || how === 'SIGXCPU') return undefined;
    throw new ServiceError(
      'invalid_request',
      `the model cannot run on these inputs: its process ended with ${how}; it takes more than ${limits.memoryBytes} bytes of memory, or crashes ONNX Runtime`,
      { param: '/instances' },
    );
  }
  if (!('error' in answer)) return answer;
  const { code, message, details } = answer.error;
  throw new ServiceError(code, message, { details });
}
