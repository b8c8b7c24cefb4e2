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

/** The action goes with the type, and with what has become of the operation so far. */
function checkState(update: OperationUpdate, existing: Operation | undefined, isStartedHere: boolean): void {
  const { Type: type, Action: action } = update;
  const byAction = RULES[type] as (typeof RULES)[OperationType] | undefined;
  if (!byAction) throw invalid('Unknown operation type.');
  const allowed = byAction[action];
  if (!allowed) throw invalid(`Invalid ${type} action.`);
  if (existing && existing.type !== type) throw invalid(`Operation ${update.Id} is a ${existing.type}, not a ${type}.`);
  const status = isStartedHere ? 'STARTED' : (existing?.status ?? 'new');
  if (allowed.includes(status)) return;
  const found = status === 'new' ? 'it does not exist' : status;
  throw invalid(`Invalid current ${type} state to ${action.toLowerCase()}: ${found}.`);
}

/** What an update carries goes with its action. */
function checkContent(update: OperationUpdate): void {
  const { Type: type, Action: action, Payload: payload, Error: error } = update;
  const isChained = type === 'CHAINED_INVOKE' && action === 'START';
  const refusals: readonly (readonly [boolean, string])[] = [
    [action === 'FAIL' && payload !== undefined, 'Cannot provide a Payload for FAIL action.'],
    [action === 'SUCCEED' && error !== undefined, 'Cannot provide an Error for SUCCEED action.'],
    [action === 'RETRY' && !update.StepOptions, 'Invalid StepOptions for the given action.'],
    [
      action === 'RETRY' && error !== undefined && payload !== undefined,
      'Cannot provide both error and payload to RETRY a STEP.',
    ],
    [isChained && !update.ChainedInvokeOptions?.FunctionName, 'Invalid ChainedInvokeOptions for the given action.'],
    [
      error !== undefined && Buffer.byteLength(JSON.stringify(update)) > MAX_ERROR_BYTES,
      `Error object size must be less than ${MAX_ERROR_BYTES} bytes.`,
    ],
  ];
  const refusal = refusals.find(([applies]) => applies);
  if (refusal) throw invalid(refusal[1]);
}

/** An operation may be started and ended in one batch, and is otherwise named once. */
function checkRepetition(update: OperationUpdate, before: OperationUpdate | undefined): void {
  const mayFollow = before?.Action === 'START' && (before.Type === 'STEP' || before.Type === 'CONTEXT');
  if (before && !(mayFollow && update.Action !== 'START')) {
    throw invalid('Cannot update the same operation twice in a single request.');
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
    const { Id: id, ParentId: parentId, Type: type } = update;
    if (!id) throw invalid('Operation update must have an Id.');
    if (type === 'EXECUTION' && index !== updates.length - 1) {
      throw invalid('EXECUTION checkpoint must be the last update.');
    }
    checkRepetition(update, last.get(id));
    const typeOf = (parent: string) => started.get(parent)?.Type ?? operations.get(parent)?.type;
    if (parentId !== undefined && typeOf(parentId) !== 'CONTEXT') throw invalid('Invalid parent operation id.');
    checkState(update, operations.get(type === 'EXECUTION' ? executionId : id), started.has(id));
    checkContent(update);
    if (update.Action === 'START') started.set(id, update);
    last.set(id, update);
  }
}
