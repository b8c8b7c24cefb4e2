/**
 * Errors of the runtime itself (`Runtime.*`) and the shape in which any error goes to the Runtime API.
 * Source: AWS Lambda developer guide, "Using the Lambda runtime API", POST .../error.
 */
/** Name and message of an error that the runtime reports itself. */
export class RuntimeError extends Error {
  constructor(kind: string, message: string) {
    super(message);
    this.name = `Runtime.${kind}`;
  }
}

export interface ErrorReport {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: readonly string[];
}

/** What the Runtime API is told about anything thrown. */
export function toReport(thrown: unknown): ErrorReport {
  if (thrown instanceof Error)
    return { errorType: thrown.name, errorMessage: thrown.message, trace: (thrown.stack ?? '').split('\n') };
  return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
}

/** One log line for an error: its report with the error's own properties. */
export function describeError(thrown: unknown): string {
  const { trace, ...rest } = toReport(thrown);
  const own = typeof thrown === 'object' && thrown !== null ? Object.fromEntries(Object.entries(thrown)) : {};
  try {
    return JSON.stringify({ ...rest, ...own, stack: trace });
  } catch {
    return JSON.stringify({ ...rest, stack: trace });
  }
}
