/**
 * The console of a function: every line begins with time, request id and level, or is one JSON object where the
 * function's log format is JSON. Source: AWS Lambda developer guide, "Log and monitor Node.js Lambda functions".
 */
import { format } from 'node:util';
import { toReport } from './errors.ts';

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const;
type Level = (typeof LEVELS)[number];

/** Id and tenant of the invocation that runs now, as log lines carry them. */
export const current: { requestId: string | undefined; tenantId: string | undefined } = {
  requestId: undefined,
  tenantId: undefined,
};

/** Writes one line; stdout is a pipe, so the write is finished before the process can be killed for a timeout. */
function textLine(level: Level, values: readonly unknown[]): string {
  return `${new Date().toISOString()}\t${current.requestId ?? 'undefined'}\t${level}\t${format(...values)}\n`;
}

function jsonLine(level: Level, values: readonly unknown[]): string {
  const error = values.find((value) => value instanceof Error);
  const { errorType, errorMessage, trace } = toReport(error);
  const message = values.length === 1 ? values[0] : format(...values);
  const line = {
    timestamp: new Date().toISOString(),
    level,
    requestId: current.requestId,
    ...(current.tenantId === undefined ? {} : { tenantId: current.tenantId }),
    message: message instanceof Error ? message.message : message,
    ...(error ? { errorType, errorMessage, stackTrace: trace } : {}),
  };
  try {
    return `${JSON.stringify(line)}\n`;
  } catch {
    return `${JSON.stringify({ ...line, message: format(...values) })}\n`;
  }
}

/** Replaces console.* for the life of the process. */
export function patchConsole(): void {
  const toLine = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON' ? jsonLine : textLine;
  const lowest = LEVELS.findIndex((level) => level === process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase());
  const writer = (level: Level) =>
    LEVELS.indexOf(level) < lowest
      ? () => undefined
      : (...values: unknown[]) => void process.stdout.write(toLine(level, values));
  const info = writer('INFO');
  Object.assign(console, {
    trace: writer('TRACE'),
    debug: writer('DEBUG'),
    info,
    log: info,
    warn: writer('WARN'),
    error: writer('ERROR'),
    fatal: writer('FATAL'),
  });
}
