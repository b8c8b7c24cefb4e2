/** Errors -> exit codes and words. The codes are of a closed list, for scripts: docs/cli.md. */
import { CommanderError } from 'commander';
import { ApiError, ConnectionError } from './client.ts';
import type { Finding } from './resources.ts';

export const EXIT = { done: 0, refused: 1, usage: 2, failed: 3, temporary: 4, interrupted: 130 } as const;

/** The command was called in a way it cannot be: a missing file, half a credential. */
export class UsageError extends Error {}

/** What was asked for ended badly on the service's side: a job that failed, a dataset that is invalid. */
export class OutcomeError extends Error {
  readonly findings: readonly Finding[];

  constructor(message: string, findings: readonly Finding[] = []) {
    super(message);
    this.findings = findings;
  }
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof OutcomeError) return EXIT.failed;
  if (error instanceof ConnectionError) return EXIT.temporary;
  if (error instanceof ApiError && (error.problem.retryable === true || error.status === 429)) return EXIT.temporary;
  return EXIT.refused;
}

/** Lines for people: what, where, and what to do. */
export function linesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  if (error instanceof OutcomeError) return [error.message, ...error.findings.map(findingLine)];
  if (!(error instanceof ApiError)) return [error.message];
  const { code, request_id: requestId, errors = [] } = error.problem;
  const findings = errors.filter(({ message, hint }) => message !== error.message || hint !== undefined);
  return [
    code === undefined ? error.message : `${error.message} (${code})`,
    ...findings.map(findingLine),
    ...(error.status >= 500 && requestId !== undefined ? [`request id ${requestId}`] : []),
  ];
}

/** What --json prints: a problem as it came, anything else in its shape. */
export function jsonOf(error: unknown): object {
  if (error instanceof ApiError) return { status: error.status, ...error.problem };
  const code = error instanceof UsageError ? 'usage' : error instanceof ConnectionError ? 'unreachable' : 'failed';
  const errors = error instanceof OutcomeError && error.findings.length > 0 ? { errors: error.findings } : {};
  return { code, detail: error instanceof Error ? error.message : String(error), ...errors };
}

function findingLine({ pointer, row, column, message, hint }: Finding): string {
  const place = [
    ...(row === undefined ? [] : [`row ${row}`]),
    ...(column === undefined ? [] : [`column "${column}"`]),
    ...(pointer === undefined || row !== undefined ? [] : [pointer]),
  ].join(', ');
  return `  ${place === '' ? '' : `${place}: `}${message}${hint === undefined ? '' : ` (${hint})`}`;
}
