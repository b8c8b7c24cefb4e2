/**
 * How operations change: by an update of the function, by time, by an answer from outside. Pure: operation in, operation
 * and events out. Source: AWS Lambda developer guide, "Durable functions"; attempts are counted as the SDK expects.
 */
import { invalid } from './validate.ts';
import { operationEvent } from './history.ts';
import type { NewEvent } from './history.ts';
import type { ErrorObject, Operation, OperationStatus, OperationUpdate } from './operation.ts';

export interface Change {
  readonly operation: Operation;
  readonly events: readonly NewEvent[];
}

/** Timers of the function and ours may differ by this much, in ms. */
const CLOCK_TOLERANCE_MS = 5;

/** The object without its undefined fields: operations are kept as JSON. */
function compact<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

/** What the operation's own type adds when it starts. */
function startedDetails(update: OperationUpdate, nowMs: number, callbackId: string): Partial<Operation> {
  const afterS = (seconds: number | undefined) => (seconds ? nowMs + seconds * 1000 : undefined);
  switch (update.Type) {
    case 'WAIT':
      return { scheduledEndMs: nowMs + (update.WaitOptions?.WaitSeconds ?? 0) * 1000 };
    case 'CALLBACK': {
      const { TimeoutSeconds: timeoutS, HeartbeatTimeoutSeconds: heartbeatS } = update.CallbackOptions ?? {};
      return compact({ callbackId, timeoutAtMs: afterS(timeoutS), heartbeatS, heartbeatAtMs: afterS(heartbeatS) });
    }
    case 'CHAINED_INVOKE': {
      const { FunctionName: functionName, TenantId: tenantId } = update.ChainedInvokeOptions ?? {};
      return compact({ input: update.Payload ?? 'null', functionName, tenantId });
    }
    case 'CONTEXT':
      return compact({ replayChildren: update.ContextOptions?.ReplayChildren });
    case 'STEP':
    case 'EXECUTION':
      return {};
  }
}

function started(update: OperationUpdate, nowMs: number, callbackId: string): Operation {
  const optional = compact({ parentId: update.ParentId, name: update.Name, subType: update.SubType });
  const base: Operation = { id: update.Id, type: update.Type, status: 'STARTED', startMs: nowMs, ...optional };
  return { ...base, ...startedDetails(update, nowMs, callbackId) };
}

function startedEvent(operation: Operation, update: OperationUpdate, nowMs: number): NewEvent {
  const extra: Record<string, unknown> = {};
  if (operation.type === 'WAIT')
    Object.assign(extra, {
      Duration: update.WaitOptions?.WaitSeconds,
      ScheduledEndTimestamp: (operation.scheduledEndMs ?? nowMs) / 1000,
    });
  if (operation.type === 'CALLBACK')
    Object.assign(extra, {
      CallbackId: operation.callbackId,
      Timeout: update.CallbackOptions?.TimeoutSeconds,
      HeartbeatTimeout: update.CallbackOptions?.HeartbeatTimeoutSeconds,
    });
  if (operation.type === 'CHAINED_INVOKE')
    Object.assign(extra, { FunctionName: operation.functionName, TenantId: operation.tenantId });
  return operationEvent(operation, 'STARTED', nowMs, extra);
}

function withOutcome(operation: Operation, update: OperationUpdate): Operation {
  const { result: _result, error: _error, nextAttemptMs: _next, ...rest } = operation;
  const outcome = {
    result: update.Payload,
    error: update.Error,
    replayChildren: update.ContextOptions?.ReplayChildren,
  };
  return { ...rest, ...compact(outcome) };
}

function retried(operation: Operation, update: OperationUpdate, nowMs: number): Change {
  const attempt = (operation.attempt ?? 0) + 1;
  const delayS = update.StepOptions?.NextAttemptDelaySeconds ?? 0;
  const pending: Operation = {
    ...withOutcome(operation, update),
    status: 'PENDING',
    attempt,
    nextAttemptMs: nowMs + delayS * 1000,
  };
  const extra = { RetryDetails: { NextAttemptDelaySeconds: delayS, CurrentAttempt: attempt } };
  return {
    operation: pending,
    events: [operationEvent(pending, update.Error === undefined ? 'SUCCEEDED' : 'FAILED', nowMs, extra)],
  };
}

function ended(operation: Operation, status: OperationStatus, nowMs: number): Operation {
  return {
    ...operation,
    status,
    endMs: nowMs,
    ...(operation.type === 'STEP' ? { attempt: (operation.attempt ?? 0) + 1 } : {}),
  };
}

/** Applies one validated update to the operation it names, or makes it. */
export function applyUpdate(
  existing: Operation | undefined,
  update: OperationUpdate,
  nowMs: number,
  callbackId: string,
): Change {
  const operation = existing ?? started(update, nowMs, callbackId);
  switch (update.Action) {
    case 'START': {
      // A later attempt of a step: the attempts that ended stay counted.
      const { nextAttemptMs: _next, ...rest } = operation;
      const running: Operation = { ...rest, status: 'STARTED' };
      return { operation: running, events: [startedEvent(running, update, nowMs)] };
    }
    case 'RETRY':
      return retried(operation, update, nowMs);
    case 'SUCCEED':
    case 'FAIL': {
      const kind = update.Action === 'SUCCEED' ? 'SUCCEEDED' : 'FAILED';
      const done = ended(withOutcome(operation, update), kind, nowMs);
      return { operation: done, events: [operationEvent(done, kind, nowMs)] };
    }
    case 'CANCEL': {
      const cancelled = ended(operation, 'CANCELLED', nowMs);
      return { operation: cancelled, events: [operationEvent(cancelled, 'CANCELLED', nowMs)] };
    }
  }
}

/** When time changes this operation next, undefined for never. */
export function dueAtMs(operation: Operation): number | undefined {
  if (operation.type === 'WAIT' && operation.status === 'STARTED') return operation.scheduledEndMs;
  if (operation.type === 'STEP' && operation.status === 'PENDING') return operation.nextAttemptMs;
  if (operation.type === 'CALLBACK' && operation.status === 'STARTED') {
    const due = Math.min(operation.timeoutAtMs ?? Infinity, operation.heartbeatAtMs ?? Infinity);
    return due === Infinity ? undefined : due;
  }
  return undefined;
}

/** What the passing of time makes of the operation at `nowMs`, undefined for nothing. */
export function elapse(operation: Operation, nowMs: number): Change | undefined {
  const due = dueAtMs(operation);
  if (due === undefined || due > nowMs + CLOCK_TOLERANCE_MS) return undefined;
  if (operation.type === 'STEP') return { operation: { ...operation, status: 'READY' }, events: [] };
  if (operation.type === 'WAIT') return settle(operation, 'SUCCEEDED', {}, nowMs);
  const isHeartbeat = (operation.heartbeatAtMs ?? Infinity) < (operation.timeoutAtMs ?? Infinity);
  const error = {
    ErrorType: isHeartbeat ? 'Callback.Heartbeat' : 'Callback.Timeout',
    ErrorMessage: isHeartbeat ? 'Callback timed out on heartbeat' : 'Callback timed out',
  };
  return settle(operation, 'TIMED_OUT', { error }, nowMs);
}

/** Ends a wait, callback, chained invoke or execution from outside. */
export function settle(
  operation: Operation,
  status: 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'STOPPED',
  outcome: { result?: string; error?: ErrorObject },
  nowMs: number,
): Change {
  const done: Operation = { ...operation, ...outcome, status, endMs: nowMs };
  return { operation: done, events: [operationEvent(done, status, nowMs)] };
}

/** A heartbeat moves the callback's heartbeat limit on. */
export function beat(operation: Operation, nowMs: number): Change {
  if (operation.heartbeatS === undefined) throw invalid('The callback has no heartbeat timeout.');
  return { operation: { ...operation, heartbeatAtMs: nowMs + operation.heartbeatS * 1000 }, events: [] };
}
