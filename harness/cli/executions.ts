/** `local execution` and `local callback`: durable executions of a local cloud that runs. Mirrors aws-sam-cli. */
import type { Command } from 'commander';
import { UserError } from './options.ts';

interface EndpointOptions {
  readonly host: string;
  readonly port: string;
}

const PREFIX = '/2025-12-01';

async function call(options: EndpointOptions, method: string, path: string, body?: string): Promise<unknown> {
  const url = `http://${options.host}:${options.port}${PREFIX}${path}`;
  const response = await fetch(url, { method, ...(body === undefined ? {} : { body }) }).catch(() => {
    throw new UserError(
      `no local cloud answers at http://${options.host}:${options.port}: start it (local start-lambda), or give its --port`,
    );
  });
  const answer = (await response.json().catch(() => ({}))) as { Message?: string };
  if (!response.ok) throw new UserError(answer.Message ?? `the local cloud answered ${response.status}`);
  return answer;
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

function withEndpoint(command: Command): Command {
  return command
    .option('--host <host>', 'address of the running local cloud', '127.0.0.1')
    .option('-p, --port <port>', 'its Lambda port', '3001');
}

interface ErrorOptions extends EndpointOptions {
  readonly errorMessage?: string;
  readonly errorType?: string;
  readonly errorData?: string;
  readonly stackTrace?: readonly string[];
}

function errorBody(options: ErrorOptions): string {
  return JSON.stringify({
    ErrorMessage: options.errorMessage,
    ErrorType: options.errorType,
    ErrorData: options.errorData,
    StackTrace: options.stackTrace,
  });
}

function withError(command: Command): Command {
  return withEndpoint(command)
    .option('--error-message <text>', 'message of the error')
    .option('--error-type <type>', 'type of the error')
    .option('--error-data <text>', 'data of the error')
    .option('--stack-trace <lines...>', 'stack trace of the error');
}

function addExecution(local: Command): void {
  const execution = local
    .command('execution')
    .description('look at, and stop, durable executions of a running local cloud');
  const path = (arn: string, tail = '') => `/durable-executions/${encodeURIComponent(arn)}${tail}`;
  withEndpoint(execution.command('get'))
    .argument('<arn>', 'ARN of the durable execution')
    .action(async (arn: string, options: EndpointOptions) => print(await call(options, 'GET', path(arn))));
  withEndpoint(execution.command('history'))
    .argument('<arn>', 'ARN of the durable execution')
    .option('--include-execution-data', 'print payloads too')
    .action(async (arn: string, options: EndpointOptions & { includeExecutionData?: boolean }) =>
      print(
        await call(
          options,
          'GET',
          path(arn, `/history?MaxItems=1000&IncludeExecutionData=${String(options.includeExecutionData === true)}`),
        ),
      ),
    );
  withError(execution.command('stop'))
    .argument('<arn>', 'ARN of the durable execution')
    .action(async (arn: string, options: ErrorOptions) =>
      print(await call(options, 'POST', path(arn, '/stop'), errorBody(options))),
    );
}

function addCallback(local: Command): void {
  const callback = local.command('callback').description('answer a callback that a durable execution waits for');
  const path = (id: string, action: string) => `/durable-execution-callbacks/${encodeURIComponent(id)}/${action}`;
  withEndpoint(callback.command('succeed'))
    .argument('<callback-id>')
    .option('-r, --result <text>', 'the result, as the function will see it')
    .action(async (id: string, options: EndpointOptions & { result?: string }) =>
      print(await call(options, 'POST', path(id, 'succeed'), options.result ?? '')),
    );
  withError(callback.command('fail'))
    .argument('<callback-id>')
    .action(async (id: string, options: ErrorOptions) =>
      print(await call(options, 'POST', path(id, 'fail'), errorBody(options))),
    );
  withEndpoint(callback.command('heartbeat'))
    .argument('<callback-id>')
    .action(async (id: string, options: EndpointOptions) =>
      print(await call(options, 'POST', path(id, 'heartbeat'), '')),
    );
}

/** Adds `execution` and `callback` to the `local` command. */
export function addExecutions(local: Command): void {
  addExecution(local);
  addCallback(local);
}
