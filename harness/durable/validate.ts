/**
 * Which updates a checkpoint may hold: action by type, status by action, parents, duplicates, sizes. The rules are those
 * of the durable-execution service as its testing package states them. @throws AwsError InvalidParameterValueException.
 */
import { AwsError } from '../aws/service.ts';
import type { Operation, OperationAction, OperationStatus, OperationType, OperationUpdate } from './operation.ts';

const MAX_ERROR_BYTES = 32_768;

/** Type -> action -> statuses an existing operation may have; `new`: the operation may be made by this action. */
const RULES: Readonly<Record<OperationType, Partial<Record<OperationAction, readonly (OperationStatus | 'new')[]>>>> = {
  STEP: {
    START: ['new', 'READY'],
    SUCCEED: ['new', 'STARTED', 'READY'],
    FAIL: ['new', 'STARTED', 'READY'],
    RETRY: ['new', 'STARTED', 'READY'],
  },
  CONTEXT: { START: ['new'], SUCCEED: ['new', 'STARTED'], FAIL: ['new', 'STARTED'] },
  WAIT: { START: ['new'], CANCEL: ['STARTED'] },
  CALLBACK: { START: ['new'], CANCEL: ['STARTED'] },
  CHAINED_INVOKE: { START: ['new'], CANCEL: ['STARTED'] },
  EXECUTION: { SUCCEED: ['STARTED'], FAIL: ['STARTED'] },
};

export function invalid(message: string): AwsError {
  return new AwsError(400, 'InvalidParameterValueException', message);
}

function checkOne(
  update: OperationUpdate,
  existing: Operation | undefined,
  startedHere: OperationUpdate | undefined,
): void {
  const { Type: type, Action: action } = update;
  const byAction = RULES[type] as (typeof RULES)[OperationType] | undefined;
  if (!byAction) throw invalid('Unknown operation type.');
  const allowed = byAction[action];
  if (!allowed) throw invalid(`Invalid ${type} action.`);
  if (existing && existing.type !== type) throw invalid(`Operation ${update.Id} is a ${existing.type}, not a ${type}.`);
  const status = startedHere ? 'STARTED' : (existing?.status ?? 'new');
  if (!allowed.includes(status))
    throw invalid(
      `Invalid current ${type} state to ${action.toLowerCase()}: ${status === 'new' ? 'it does not exist' : status}.`,
    );
  if (action === 'FAIL' && update.Payload !== undefined) throw invalid('Cannot provide a Payload for FAIL action.');
  if (action === 'SUCCEED' && update.Error !== undefined) throw invalid('Cannot provide an Error for SUCCEED action.');
  if (action === 'RETRY' && !update.StepOptions) throw invalid('Invalid StepOptions for the given action.');
  if (action === 'RETRY' && update.Error !== undefined && update.Payload !== undefined)
    throw invalid('Cannot provide both error and payload to RETRY a STEP.');
  if (type === 'CHAINED_INVOKE' && action === 'START' && !update.ChainedInvokeOptions?.FunctionName)
    throw invalid('Invalid ChainedInvokeOptions for the given action.');
  if (update.Error !== undefined && Buffer.byteLength(JSON.stringify(update)) > MAX_ERROR_BYTES) {
    throw invalid(`Error object size must be less than ${MAX_ERROR_BYTES} bytes.`);
  }
}

/** Checks a whole batch against the operations there are; `executionId` stands for any id of type EXECUTION. */
export function validateUpdates(
  updates: readonly OperationUpdate[],
  operations: ReadonlyMap<string, Operation>,
  executionId: string,
): void {
  const last = new Map<string, OperationUpdate>();
  const started = new Map<string, OperationUpdate>();
  for (const [index, update] of updates.entries()) {
    if (!update.Id) throw invalid('Operation update must have an Id.');
    if (update.Type === 'EXECUTION' && index !== updates.length - 1)
      throw invalid('EXECUTION checkpoint must be the last update.');
    const before = last.get(update.Id);
    const isFollowUp =
      before?.Action === 'START' && update.Action !== 'START' && (before.Type === 'STEP' || before.Type === 'CONTEXT');
    if (before && !isFollowUp) throw invalid('Cannot update the same operation twice in a single request.');
    if (update.ParentId !== undefined) {
      const parent = started.get(update.ParentId)?.Type ?? operations.get(update.ParentId)?.type;
      if (parent !== 'CONTEXT') throw invalid('Invalid parent operation id.');
    }
    checkOne(update, operations.get(update.Type === 'EXECUTION' ? executionId : update.Id), started.get(update.Id));
    if (update.Action === 'START') started.set(update.Id, update);
    last.set(update.Id, update);
  }
}
