/**
 * The durable-execution operations of the Lambda API. A checkpoint that starts a chained invoke needs the caller's right
 * to invoke that function too. Source: @aws-sdk/client-lambda (rest-json, 2025-12-01).
 */
import { AwsError } from '../aws/service.ts';
import { functionArnFor } from '../lambda/invoke-routes.ts';
import type { RestAnswer, RestCall, RestRoute } from '../lambda/rest.ts';
import type { LambdaService } from '../lambda/service.ts';
import type { DurableService } from './engine.ts';
import type { DurableExecution } from './execution.ts';
import { readCallbackId } from './execution.ts';
import { toHttpEvent } from './history.ts';
import { toHttpOperation } from './operation.ts';
import type { ErrorObject, OperationUpdate } from './operation.ts';
import { invalid } from './validate.ts';

const PREFIX = '/2025-12-01';
const MAX_PAGE = 1000;

interface CheckpointBody {
  readonly CheckpointToken?: string;
  readonly ClientToken?: string;
  readonly Updates?: readonly OperationUpdate[];
}

async function readJson<T>(call: RestCall): Promise<T> {
  const body = await call.body();
  try {
    return (body.length === 0 ? {} : JSON.parse(body.toString('utf8'))) as T;
  } catch (error) {
    throw new AwsError(400, 'SerializationException', `the body is not JSON: ${(error as Error).message}`);
  }
}

function pageOf<T>(all: readonly T[], query: URLSearchParams): { items: readonly T[]; next: string | undefined } {
  const ordered = query.get('ReverseOrder') === 'true' ? [...all].reverse() : all;
  const from = Number(query.get('Marker') ?? '0');
  const size = Math.min(Number(query.get('MaxItems') ?? '100'), MAX_PAGE);
  if (!Number.isInteger(from) || from < 0 || !Number.isInteger(size) || size < 0)
    throw invalid('Marker and MaxItems: expected whole numbers.');
  const to = from + (size === 0 ? 100 : size);
  return { items: ordered.slice(from, to), next: to < ordered.length ? String(to) : undefined };
}

function summary(execution: DurableExecution): Record<string, unknown> {
  const { start, root, status } = execution;
  return {
    DurableExecutionArn: start.arn,
    DurableExecutionName: start.name,
    FunctionArn: start.arn.slice(0, start.arn.indexOf('/durable-execution/')),
    Status: status,
    StartTimestamp: start.startMs / 1000,
    EndTimestamp: root.endMs === undefined ? undefined : root.endMs / 1000,
  };
}

const onExecution = (tail: string) => new RegExp(`^${PREFIX}/durable-executions/([^/]+)${tail}$`);
const arnOf = (call: RestCall) => call.params[0] ?? '';
const needs = (action: string) => (call: RestCall) => [{ action: `lambda:${action}`, resource: arnOf(call) }];

/** What the function itself calls while it runs. */
function runningRoutes(durable: DurableService, lambda: LambdaService, accountArn: string): readonly RestRoute[] {
  const invokeOf = ({ ChainedInvokeOptions: options }: OperationUpdate) => ({
    action: 'lambda:InvokeFunction',
    resource: functionArnFor(lambda, accountArn, options?.FunctionName ?? '', undefined),
  });
  return [
    {
      method: 'POST',
      pattern: onExecution('/checkpoint'),
      permissions: async (call) => {
        const { Updates = [] } = await readJson<CheckpointBody>(call);
        const invokes = Updates.filter((update) => update.Type === 'CHAINED_INVOKE' && update.Action === 'START');
        return [{ action: 'lambda:CheckpointDurableExecution', resource: arnOf(call) }, ...invokes.map(invokeOf)];
      },
      handle: async (call): Promise<RestAnswer> => {
        const {
          CheckpointToken: token,
          ClientToken: clientToken,
          Updates: updates = [],
        } = await readJson<CheckpointBody>(call);
        const answer = durable.checkpoint(arnOf(call), { token, clientToken, updates });
        const state = { Operations: answer.operations.map(toHttpOperation) };
        return { status: 200, body: { CheckpointToken: answer.token, NewExecutionState: state } };
      },
    },
    {
      method: 'GET',
      pattern: onExecution('/state'),
      permissions: needs('GetDurableExecutionState'),
      handle: async (call) => {
        const execution = durable.get(arnOf(call));
        execution.checkToken(call.query.get('CheckpointToken') ?? undefined);
        const maxItems = Number(call.query.get('MaxItems') ?? '0') || MAX_PAGE;
        const { operations, nextMarker } = execution.page(call.query.get('Marker') ?? undefined, maxItems);
        return { status: 200, body: { Operations: operations.map(toHttpOperation), NextMarker: nextMarker } };
      },
    },
  ];
}

/** What others ask and tell of an execution. */
function outsideRoutes(durable: DurableService): readonly RestRoute[] {
  return [
    {
      method: 'GET',
      pattern: onExecution('/history'),
      permissions: needs('GetDurableExecutionHistory'),
      handle: async (call) => {
        const { items, next } = pageOf(durable.get(arnOf(call)).events, call.query);
        const includes = call.query.get('IncludeExecutionData') === 'true';
        return { status: 200, body: { Events: items.map((event) => toHttpEvent(event, includes)), NextMarker: next } };
      },
    },
    {
      method: 'POST',
      pattern: onExecution('/stop'),
      permissions: needs('StopDurableExecution'),
      handle: async (call) => {
        const error = await readJson<ErrorObject>(call);
        const stoppedMs = durable.stop(arnOf(call), Object.keys(error).length === 0 ? undefined : error);
        return { status: 200, body: { StopTimestamp: stoppedMs / 1000 } };
      },
    },
    {
      method: 'GET',
      pattern: onExecution(''),
      permissions: needs('GetDurableExecution'),
      handle: async (call) => {
        const execution = durable.get(arnOf(call));
        const { start, root } = execution;
        const data = { InputPayload: start.payload, Result: root.result, Error: root.error, Version: start.version };
        return { status: 200, body: { ...summary(execution), ...data } };
      },
    },
  ];
}

function callbackRoutes(durable: DurableService): readonly RestRoute[] {
  const on = (tail: string) => new RegExp(`^${PREFIX}/durable-execution-callbacks/([^/]+)/${tail}$`);
  const idOf = (call: RestCall) => call.params[0] ?? '';
  const mayAnswer = (action: string) => (call: RestCall) => [
    { action: `lambda:${action}`, resource: durable.arnOfId(readCallbackId(idOf(call)).execution) },
  ];
  return [
    {
      method: 'POST',
      pattern: on('succeed'),
      permissions: mayAnswer('SendDurableExecutionCallbackSuccess'),
      handle: async (call) => {
        const body = await call.body();
        durable.callback(idOf(call), {
          kind: 'succeed',
          result: body.length === 0 ? undefined : body.toString('utf8'),
        });
        return { status: 200, body: {} };
      },
    },
    {
      method: 'POST',
      pattern: on('fail'),
      permissions: mayAnswer('SendDurableExecutionCallbackFailure'),
      handle: async (call) => {
        durable.callback(idOf(call), { kind: 'fail', error: await readJson<ErrorObject>(call) });
        return { status: 200, body: {} };
      },
    },
    {
      method: 'POST',
      pattern: on('heartbeat'),
      permissions: mayAnswer('SendDurableExecutionCallbackHeartbeat'),
      handle: async (call) => {
        durable.callback(idOf(call), { kind: 'heartbeat' });
        return { status: 200, body: {} };
      },
    },
  ];
}

function matches(execution: DurableExecution, query: URLSearchParams): boolean {
  const statuses = query.getAll('Statuses');
  const name = query.get('DurableExecutionName');
  const time = (text: string | null, fallback: number) =>
    text === null ? fallback : Date.parse(text) || Number(text) * 1000;
  const { start, status } = execution;
  return (
    (statuses.length === 0 || statuses.includes(status)) &&
    (name === null || start.name === name) &&
    start.startMs >= time(query.get('StartedAfter'), -Infinity) &&
    start.startMs <= time(query.get('StartedBefore'), Infinity)
  );
}

/** `accountArn` is `arn:aws:lambda:<region>:<account>`. */
export function durableRoutes(
  durable: DurableService,
  lambda: LambdaService,
  accountArn: string,
): readonly RestRoute[] {
  return [
    ...runningRoutes(durable, lambda, accountArn),
    ...outsideRoutes(durable),
    ...callbackRoutes(durable),
    {
      method: 'GET',
      pattern: /^\/2025-12-01\/functions\/([^/]+)\/durable-executions$/,
      permissions: (call) => [
        {
          action: 'lambda:ListDurableExecutionsByFunction',
          resource: functionArnFor(lambda, accountArn, call.params[0] ?? '', call.query.get('Qualifier') ?? undefined),
        },
      ],
      handle: async (call) => {
        const { fn, qualifier, version } = lambda.catalog.resolve(
          call.params[0] ?? '',
          call.query.get('Qualifier') ?? undefined,
        );
        const executions = durable
          .listStarts(fn.functionName)
          .filter((start) => qualifier === undefined || start.version === version)
          .map((start) => durable.get(start.arn))
          .filter((execution) => matches(execution, call.query));
        const { items, next } = pageOf(executions, call.query);
        return { status: 200, body: { DurableExecutions: items.map(summary), NextMarker: next } };
      },
    },
  ];
}
