/** The state machine of durable executions: which updates are taken, what time does, what a replay sees, what a kill leaves. */
import { appendFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DurableExecution } from '../../../harness/durable/execution.ts';
import type { OperationUpdate } from '../../../harness/durable/operation.ts';
import { ExecutionStore } from '../../../harness/durable/store.ts';
import type { StartRecord } from '../../../harness/durable/store.ts';

const NOW = 1_800_000_000_000;
const start = (over: Partial<StartRecord> = {}): StartRecord => ({
  id: 'e1',
  arn: 'arn:aws:lambda:us-east-1:123456789012:function:f:1/durable-execution/n/e1',
  name: 'n',
  functionName: 'f',
  invokedArn: 'arn:aws:lambda:us-east-1:123456789012:function:f:live',
  version: '1',
  tenantId: undefined,
  payload: '{"a":1}',
  startMs: NOW,
  executionTimeoutS: 3600,
  retentionDays: 1,
  ...over,
});

interface Event {
  readonly CheckpointToken: string;
  readonly UpdatedOperationIds?: readonly string[];
  readonly InitialExecutionState: { readonly Operations: readonly Record<string, unknown>[] };
}

function begun(over: Partial<StartRecord> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'durable-'));
  const store = new ExecutionStore(directory);
  const execution = DurableExecution.create(start(over), store);
  let { CheckpointToken: token } = execution.beginInvocation() as Event;
  const send = (updates: readonly Partial<OperationUpdate>[], nowMs = NOW, clientToken?: string) => {
    const answer = execution.checkpoint({ token, clientToken, updates: updates as readonly OperationUpdate[] }, nowMs);
    token = answer.token;
    return answer.operations;
  };
  return { directory, store, execution, send, token: () => token };
}

const step = (Id: string, Action: OperationUpdate['Action'], more: Partial<OperationUpdate> = {}) => ({
  Id,
  Type: 'STEP' as const,
  Action,
  ...more,
});

describe('a step', () => {
  test('counts the attempts that ended', () => {
    const { send } = begun();
    send([step('s', 'START')]);
    const [pending] = send([
      step('s', 'RETRY', { Error: { ErrorMessage: 'no' }, StepOptions: { NextAttemptDelaySeconds: 5 } }),
    ]);
    const [ready] = send([], NOW + 5000);
    const [done] = send([step('s', 'START'), step('s', 'SUCCEED', { Payload: '1' })], NOW + 6000);

    expect(pending).toMatchObject({
      status: 'PENDING',
      attempt: 1,
      nextAttemptMs: NOW + 5000,
      error: { ErrorMessage: 'no' },
    });
    expect(ready).toMatchObject({ status: 'READY', attempt: 1 });
    expect(done).toMatchObject({ status: 'SUCCEEDED', attempt: 2, result: '1', endMs: NOW + 6000 });
    expect(done).not.toHaveProperty('error');
  });

  test('that is interrupted is STARTED for the next invocation, and may be retried then', () => {
    const { execution, send } = begun();
    send([step('s', 'START')]);
    execution.endInvocation({ requestId: 'r', startMs: NOW, endMs: NOW, error: { ErrorType: 'Runtime.ExitError' } });
    const { InitialExecutionState: state, CheckpointToken } = execution.beginInvocation() as Event;
    const retried = execution.checkpoint(
      {
        token: CheckpointToken,
        clientToken: undefined,
        updates: [step('s', 'RETRY', { StepOptions: { NextAttemptDelaySeconds: 1 } })],
      },
      NOW,
    );

    expect(state.Operations.at(-1)).toMatchObject({ Id: 's', Status: 'STARTED' });
    expect(retried.operations).toMatchObject([{ status: 'PENDING', attempt: 1 }]);
  });
});

describe('an update is refused', () => {
  test.each<[string, readonly Partial<OperationUpdate>[], readonly Partial<OperationUpdate>[], string]>([
    [
      'that starts a running step',
      [step('s', 'START')],
      [step('s', 'START')],
      'Invalid current STEP state to start: STARTED.',
    ],
    [
      'that closes a closed step',
      [step('s', 'SUCCEED')],
      [step('s', 'FAIL')],
      'Invalid current STEP state to fail: SUCCEEDED.',
    ],
    ['that retries without a delay', [], [step('s', 'RETRY')], 'Invalid StepOptions'],
    ['that succeeds with an error', [], [step('s', 'SUCCEED', { Error: {} })], 'Cannot provide an Error for SUCCEED'],
    ['that fails with a payload', [], [step('s', 'FAIL', { Payload: 'x' })], 'Cannot provide a Payload for FAIL'],
    ['that succeeds a wait', [], [{ Id: 'w', Type: 'WAIT', Action: 'SUCCEED' }], 'Invalid WAIT action.'],
    ['that cancels a wait that is not there', [], [{ Id: 'w', Type: 'WAIT', Action: 'CANCEL' }], 'it does not exist'],
    [
      'under a parent that is no context',
      [step('p', 'START')],
      [step('s', 'START', { ParentId: 'p' })],
      'Invalid parent operation id.',
    ],
    ['that comes twice', [], [step('s', 'SUCCEED'), step('s', 'SUCCEED')], 'Cannot update the same operation twice'],
    [
      'of the execution that is not the last',
      [],
      [{ Id: 'x', Type: 'EXECUTION', Action: 'SUCCEED' }, step('s', 'START')],
      'must be the last update',
    ],
    [
      'that changes the type',
      [step('s', 'START')],
      [{ Id: 's', Type: 'CONTEXT', Action: 'SUCCEED' }],
      'is a STEP, not a CONTEXT',
    ],
    [
      'with an error over 32 KB',
      [],
      [step('s', 'FAIL', { Error: { ErrorMessage: 'x'.repeat(32_768) } })],
      'Error object size must be less than 32768 bytes.',
    ],
  ])('%s', (_title, before, updates, message) => {
    const { send } = begun();
    if (before.length > 0) send(before);

    expect(() => send(updates)).toThrow(message);
  });

  test('with the token of an earlier checkpoint, in the words the SDK knows', () => {
    const { execution, send, token } = begun();
    const old = token();
    send([step('s', 'START')]);

    expect(() => execution.checkpoint({ token: old, clientToken: undefined, updates: [] }, NOW)).toThrow(
      /^Invalid Checkpoint Token/,
    );
  });
});

test('the same request sent twice is answered once', () => {
  const { execution, token } = begun();
  const request = { token: token(), clientToken: 'c1', updates: [step('s', 'START')] };
  const [first, second] = [execution.checkpoint(request, NOW), execution.checkpoint(request, NOW)];

  expect(second).toBe(first);
  expect(execution.events.map(({ type }) => type)).toEqual(['ExecutionStarted', 'StepStarted']);
});

describe('time', () => {
  test.each<[string, Partial<OperationUpdate>, number, string]>([
    ['ends a wait', { Id: 'o', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 10 } }, 10, 'SUCCEEDED'],
    [
      'times a callback out',
      { Id: 'o', Type: 'CALLBACK', Action: 'START', CallbackOptions: { TimeoutSeconds: 30 } },
      30,
      'TIMED_OUT',
    ],
    [
      'times a callback out without a heartbeat',
      {
        Id: 'o',
        Type: 'CALLBACK',
        Action: 'START',
        CallbackOptions: { TimeoutSeconds: 30, HeartbeatTimeoutSeconds: 5 },
      },
      5,
      'TIMED_OUT',
    ],
  ])('%s', (_title, update, afterS, status) => {
    const { execution, send } = begun();
    send([update]);
    const due = execution.nextDueMs;
    const [early, late] = [execution.elapse(NOW + afterS * 1000 - 100), execution.elapse(NOW + afterS * 1000)];

    expect([due, early, late, execution.operation('o')?.status]).toEqual([NOW + afterS * 1000, false, true, status]);
    expect((execution.beginInvocation() as Event).UpdatedOperationIds).toEqual(['o']);
  });

  test('ends the execution itself', () => {
    const { execution } = begun({ executionTimeoutS: 60 });
    execution.elapse(NOW + 60_000);

    expect([execution.status, execution.root.error?.ErrorMessage]).toEqual([
      'TIMED_OUT',
      'Execution timed out after 60 seconds',
    ]);
  });
});

test('a replay does not see the children of a context that ended, unless the context wants them', () => {
  const { execution, send } = begun();
  const context = (Id: string, Action: OperationUpdate['Action'], more: Partial<OperationUpdate> = {}) => ({
    Id,
    Type: 'CONTEXT' as const,
    Action,
    ...more,
  });
  send([
    context('closed', 'START'),
    step('a', 'START', { ParentId: 'closed' }),
    step('a', 'SUCCEED', { ParentId: 'closed' }),
  ]);
  send([context('inner', 'START', { ParentId: 'closed' }), step('b', 'SUCCEED', { ParentId: 'inner' })]);
  send([
    context('kept', 'START'),
    step('c', 'SUCCEED', { ParentId: 'kept' }),
    context('open', 'START'),
    step('d', 'SUCCEED', { ParentId: 'open' }),
  ]);
  send([
    context('closed', 'SUCCEED', { Payload: '1' }),
    context('kept', 'SUCCEED', { ContextOptions: { ReplayChildren: true } }),
  ]);

  expect(execution.replayState().map(({ id }) => id)).toEqual(['e1', 'closed', 'kept', 'c', 'open', 'd']);
});

test('state comes in pages, and all pages together are the whole', () => {
  const { execution, send } = begun();
  for (let index = 0; index < 5; index += 1)
    send([step(`s${String(index)}`, 'SUCCEED', { Payload: 'x'.repeat(400_000) })]);
  const ids: string[] = [];
  let marker: string | undefined;
  let pages = 0;
  do {
    const page = execution.page(marker);
    ids.push(...page.operations.map(({ id }) => id));
    marker = page.nextMarker;
    pages += 1;
  } while (marker !== undefined);

  expect([pages, ids]).toEqual([3, ['e1', 's0', 's1', 's2', 's3', 's4']]);
});

test('what is read back from disk is what was there, without a line that a kill tore', () => {
  const { directory, store, execution, send } = begun();
  send([step('s', 'START'), { Id: 'w', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 60 } }]);
  send([step('s', 'SUCCEED', { Payload: '"done"' })]);
  appendFileSync(join(directory, 'e1', 'log.jsonl'), '{"operations":[{"id":"torn"');
  const [record] = new ExecutionStore(directory).list(NOW);
  const loaded = DurableExecution.load(record!, store);
  loaded.finish('STOPPED', {}, NOW + 1);

  expect(loaded.operations.filter(({ id }) => id !== 'e1')).toEqual(
    execution.operations.filter(({ id }) => id !== 'e1'),
  );
  expect(DurableExecution.load(record!, store)).toMatchObject({ status: 'STOPPED' });
});

test('executions are forgotten after their retention', () => {
  const { directory } = begun({ retentionDays: 2, executionTimeoutS: 60 });
  const day = 86_400_000;

  expect(new ExecutionStore(directory).list(NOW + 2 * day).length).toBe(1);
  expect(new ExecutionStore(directory).list(NOW + 2 * day + 61_000)).toEqual([]);
  expect(new ExecutionStore(directory).list(NOW)).toEqual([]);
});
