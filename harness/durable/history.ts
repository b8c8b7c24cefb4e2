/**
 * Events of an execution's history: made where an operation changes, kept beside it, and written for
 * GetDurableExecutionHistory. Source: @aws-sdk/client-lambda, `Event` and its `<EventType>Details`.
 */
import type { ErrorObject, Operation, OperationType } from './operation.ts';

export interface HistoryEvent {
  readonly eventId: number;
  readonly type: string;
  readonly timeMs: number;
  readonly operationId?: string;
  readonly parentId?: string;
  readonly name?: string;
  readonly subType?: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** An event before it is numbered. */
export type NewEvent = Omit<HistoryEvent, 'eventId'>;

const PREFIX: Readonly<Record<OperationType, string>> = {
  EXECUTION: 'Execution',
  STEP: 'Step',
  WAIT: 'Wait',
  CALLBACK: 'Callback',
  CHAINED_INVOKE: 'ChainedInvoke',
  CONTEXT: 'Context',
};

const SUFFIX = {
  STARTED: 'Started',
  SUCCEEDED: 'Succeeded',
  FAILED: 'Failed',
  CANCELLED: 'Cancelled',
  STOPPED: 'Stopped',
  TIMED_OUT: 'TimedOut',
} as const;
export type EventKind = keyof typeof SUFFIX;

/** The event of an operation that has just become `kind`. */
export function operationEvent(
  operation: Operation,
  kind: EventKind,
  timeMs: number,
  extra: Readonly<Record<string, unknown>> = {},
): NewEvent {
  const outcome =
    kind === 'STARTED'
      ? { ...(operation.input === undefined ? {} : { Input: { Payload: operation.input } }) }
      : {
          ...(operation.result === undefined ? {} : { Result: { Payload: operation.result } }),
          ...(operation.error === undefined ? {} : { Error: { Payload: operation.error } }),
        };
  return {
    type: `${PREFIX[operation.type]}${SUFFIX[kind]}`,
    timeMs,
    ...(operation.type === 'EXECUTION' ? {} : { operationId: operation.id }),
    ...(operation.parentId === undefined ? {} : { parentId: operation.parentId }),
    ...(operation.name === undefined ? {} : { name: operation.name }),
    ...(operation.subType === undefined ? {} : { subType: operation.subType }),
    details: { ...outcome, ...extra },
  };
}

/** The event of one run of the function. */
export function invocationEvent(run: {
  requestId: string;
  startMs: number;
  endMs: number;
  error: ErrorObject | undefined;
}): NewEvent {
  return {
    type: 'InvocationCompleted',
    timeMs: run.endMs,
    details: {
      RequestId: run.requestId,
      StartTimestamp: run.startMs / 1000,
      EndTimestamp: run.endMs / 1000,
      Error: run.error === undefined ? {} : { Payload: run.error },
    },
  };
}

/** Payloads are left out unless asked for. */
function withoutPayloads(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(details).map(([key, value]) => [
      key,
      typeof value === 'object' && value !== null && 'Payload' in value ? { Truncated: true } : value,
    ]),
  );
}

export function toHttpEvent(event: HistoryEvent, includePayloads: boolean): object {
  return {
    EventId: event.eventId,
    EventType: event.type,
    EventTimestamp: event.timeMs / 1000,
    Id: event.operationId,
    ParentId: event.parentId,
    Name: event.name,
    SubType: event.subType,
    [`${event.type}Details`]: includePayloads ? event.details : withoutPayloads(event.details),
  };
}
