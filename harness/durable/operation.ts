/**
 * Operations of a durable execution and the updates that change them, with their two wire forms: epoch seconds in HTTP
 * answers, ISO text in the invocation event. Source: @aws-sdk/client-lambda, CheckpointDurableExecution.
 */

export type OperationType = 'EXECUTION' | 'STEP' | 'WAIT' | 'CALLBACK' | 'CHAINED_INVOKE' | 'CONTEXT';
export type OperationAction = 'START' | 'SUCCEED' | 'FAIL' | 'RETRY' | 'CANCEL';
export type OperationStatus =
  'STARTED' | 'PENDING' | 'READY' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED' | 'STOPPED' | 'TIMED_OUT';

export interface ErrorObject {
  readonly ErrorType?: string;
  readonly ErrorMessage?: string;
  readonly ErrorData?: string;
  readonly StackTrace?: readonly string[];
}

/** One entry of `Updates`, as sent. */
export interface OperationUpdate {
  readonly Id: string;
  readonly ParentId?: string;
  readonly Name?: string;
  readonly Type: OperationType;
  readonly SubType?: string;
  readonly Action: OperationAction;
  readonly Payload?: string;
  readonly Error?: ErrorObject;
  readonly StepOptions?: { readonly NextAttemptDelaySeconds?: number };
  readonly WaitOptions?: { readonly WaitSeconds?: number };
  readonly CallbackOptions?: { readonly TimeoutSeconds?: number; readonly HeartbeatTimeoutSeconds?: number };
  readonly ChainedInvokeOptions?: { readonly FunctionName: string; readonly TenantId?: string };
  readonly ContextOptions?: { readonly ReplayChildren?: boolean };
}

/** An operation as kept: times in ms since the epoch, results and errors in one place for all types. */
export interface Operation {
  readonly id: string;
  readonly parentId?: string;
  readonly name?: string;
  readonly type: OperationType;
  readonly subType?: string;
  readonly status: OperationStatus;
  readonly startMs: number;
  readonly endMs?: number;
  /** EXECUTION: the caller's payload; CHAINED_INVOKE: the payload for the function. */
  readonly input?: string;
  readonly result?: string;
  readonly error?: ErrorObject;
  /** STEP: attempts that ended. */
  readonly attempt?: number;
  readonly nextAttemptMs?: number;
  readonly scheduledEndMs?: number;
  readonly callbackId?: string;
  readonly timeoutAtMs?: number;
  readonly heartbeatS?: number;
  readonly heartbeatAtMs?: number;
  readonly functionName?: string;
  readonly tenantId?: string;
  readonly replayChildren?: boolean;
}

const ENDED: ReadonlySet<OperationStatus> = new Set(['SUCCEEDED', 'FAILED', 'CANCELLED', 'STOPPED', 'TIMED_OUT']);

export function isEnded({ status }: Operation): boolean {
  return ENDED.has(status);
}

type Timestamp = number | string;

function details(operation: Operation, time: (ms: number) => Timestamp): Record<string, object> {
  const { result: Result, error: Error } = operation;
  switch (operation.type) {
    case 'EXECUTION':
      return { ExecutionDetails: { InputPayload: operation.input } };
    case 'STEP': {
      const next = operation.nextAttemptMs === undefined ? undefined : time(operation.nextAttemptMs);
      return { StepDetails: { Attempt: operation.attempt, NextAttemptTimestamp: next, Result, Error } };
    }
    case 'WAIT':
      return {
        WaitDetails: {
          ScheduledEndTimestamp: operation.scheduledEndMs === undefined ? undefined : time(operation.scheduledEndMs),
        },
      };
    case 'CALLBACK':
      return { CallbackDetails: { CallbackId: operation.callbackId, Result, Error } };
    case 'CHAINED_INVOKE':
      return { ChainedInvokeDetails: { Result, Error } };
    case 'CONTEXT':
      return { ContextDetails: { ReplayChildren: operation.replayChildren, Result, Error } };
  }
}

function toWire(operation: Operation, time: (ms: number) => Timestamp): object {
  return {
    Id: operation.id,
    ParentId: operation.parentId,
    Name: operation.name,
    Type: operation.type,
    SubType: operation.subType,
    Status: operation.status,
    StartTimestamp: time(operation.startMs),
    EndTimestamp: operation.endMs === undefined ? undefined : time(operation.endMs),
    ...details(operation, time),
  };
}

/** As HTTP answers carry it. */
export function toHttpOperation(operation: Operation): object {
  return toWire(operation, (ms) => ms / 1000);
}

/** As the invocation event carries it. */
export function toEventOperation(operation: Operation): object {
  return toWire(operation, (ms) => new Date(ms).toISOString());
}
