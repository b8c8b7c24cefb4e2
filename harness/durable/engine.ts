/**
 * Runs durable executions: invokes the function, again whenever something it waits for has come, and again after a crash
 * until the execution's own timeout; runs chained invokes; takes up what an earlier harness left.
 * Source: AWS Lambda developer guide, "Durable functions"; measured behaviour of interrupted steps.
 */
import { randomUUID } from 'node:crypto';
import { AwsError } from '../aws/service.ts';
import type { FunctionTarget } from '../lambda/functions.ts';
import type { DurableStarter, LambdaService } from '../lambda/service.ts';
import { DurableExecution, readCallbackId } from './execution.ts';
import type { CheckpointAnswer } from './execution.ts';
import { errorOfPayload, readHandlerAnswer } from './handler-answer.ts';
import type { ErrorObject, Operation, OperationUpdate } from './operation.ts';
import { ExecutionStore } from './store.ts';
import type { StartRecord } from './store.ts';
import { beat, settle } from './transitions.ts';
import { invalid } from './validate.ts';

export interface DurableOptions {
  readonly directory: string;
  readonly lambda: LambdaService;
  /** First delay after a crash of the function, in ms; it doubles up to a minute. */
  readonly crashRetryMs: number;
  readonly onLog: (functionName: string, line: string) => void;
}

interface Live {
  readonly execution: DurableExecution;
  isInvoking: boolean;
  /** Invoke even if nothing is new: the first run, and the run after a crash or a restart. */
  mustInvoke: boolean;
  crashes: number;
  timer: NodeJS.Timeout | undefined;
}

const MAX_CRASH_DELAY_MS = 60_000;
/** Longest delay that a timer of Node can hold. */
const MAX_TIMER_MS = 2_147_483_647;
const NAME = /^[a-zA-Z0-9-_]{1,64}$/;

export class DurableService implements DurableStarter {
  readonly #options: DurableOptions;
  readonly #store: ExecutionStore;
  /** Every execution that is kept, by id. */
  readonly #records = new Map<string, StartRecord>();
  readonly #live = new Map<string, Live>();
  readonly #waiters = new Map<string, (() => void)[]>();
  #isClosed = false;

  constructor(options: DurableOptions) {
    this.#options = options;
    this.#store = new ExecutionStore(options.directory);
    for (const record of this.#store.list(Date.now())) this.#records.set(record.id, record);
  }

  /** Goes on with the executions that have not ended: replays the function, and runs unanswered chained invokes again. */
  resume(): void {
    for (const record of this.#records.values()) {
      const execution = DurableExecution.load(record, this.#store);
      if (execution.isEnded) continue;
      const live = this.#adopt(execution);
      for (const operation of execution.operations)
        if (operation.type === 'CHAINED_INVOKE' && operation.status === 'STARTED') this.#runChained(live, operation);
      this.#advance(live);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const live of this.#live.values()) clearTimeout(live.timer);
  }

  start(request: { target: FunctionTarget; payload: Buffer; tenantId: string | undefined; name: string | undefined }): {
    arn: string;
  } {
    const { target, tenantId } = request;
    const payload = request.payload.length === 0 ? '{}' : request.payload.toString('utf8');
    if (request.name !== undefined && !NAME.test(request.name))
      throw new AwsError(
        400,
        'ValidationException',
        `durableExecutionName: expected 1 to 64 of [a-zA-Z0-9-_], got '${request.name}'`,
      );
    const known = [...this.#records.values()].find(
      (record) => record.name === request.name && record.functionName === target.fn.functionName,
    );
    if (known) {
      if (known.payload === payload && known.tenantId === tenantId) return { arn: known.arn };
      throw new AwsError(
        409,
        'DurableExecutionAlreadyStartedException',
        `The durable execution ${known.arn} was started with another payload.`,
      );
    }
    const id = randomUUID();
    const name = request.name ?? id;
    const record: StartRecord = {
      id,
      arn: `${target.fn.arn}:${target.version}/durable-execution/${name}/${id}`,
      name,
      functionName: target.fn.functionName,
      invokedArn: target.invokedArn,
      version: target.version,
      tenantId,
      payload,
      startMs: Date.now(),
      executionTimeoutS: target.fn.durable?.executionTimeoutS ?? 0,
      retentionDays: target.fn.durable?.retentionDays ?? 0,
    };
    const live = this.#adopt(DurableExecution.create(record, this.#store));
    this.#records.set(id, record);
    this.#advance(live);
    return { arn: record.arn };
  }

  async wait(arn: string): Promise<{ payload: Buffer; functionError: 'Unhandled' | undefined }> {
    const { root } = await this.#ended(arn);
    if (root.status === 'SUCCEEDED') return { payload: Buffer.from(root.result ?? 'null'), functionError: undefined };
    const { ErrorType, ErrorMessage, StackTrace } = root.error ?? {};
    const error = {
      errorType: ErrorType ?? `Execution.${root.status}`,
      errorMessage: ErrorMessage ?? `The durable execution ended as ${root.status}`,
      trace: StackTrace ?? [],
    };
    return { payload: Buffer.from(JSON.stringify(error)), functionError: 'Unhandled' };
  }

  /** @throws AwsError ResourceNotFoundException. */
  get(arn: string): DurableExecution {
    const id = arn.split('/').at(-1) ?? '';
    const record = this.#records.get(id);
    if (record?.arn !== arn)
      throw new AwsError(404, 'ResourceNotFoundException', `Durable execution not found: ${arn}`);
    const live = this.#live.get(id);
    live?.execution.elapse(Date.now());
    return live?.execution ?? DurableExecution.load(record, this.#store);
  }

  /** @throws AwsError ResourceNotFoundException. */
  arnOfId(id: string): string {
    const record = this.#records.get(id);
    if (!record) throw new AwsError(404, 'ResourceNotFoundException', 'Durable execution not found.');
    return record.arn;
  }

  /** Start records of a function's executions, oldest first. */
  listStarts(functionName: string): readonly StartRecord[] {
    return [...this.#records.values()].filter((record) => record.functionName === functionName);
  }

  checkpoint(
    arn: string,
    request: { token: string | undefined; clientToken: string | undefined; updates: readonly OperationUpdate[] },
  ): CheckpointAnswer {
    const execution = this.get(arn);
    const live = this.#live.get(execution.start.id);
    if (!live) throw invalid('Invalid Checkpoint Token: the execution has ended.');
    const answer = live.execution.checkpoint(request, Date.now());
    for (const operation of answer.startedInvokes) this.#runChained(live, operation);
    this.#advance(live);
    return answer;
  }

  /** Ends a running execution; the answer is when. */
  stop(arn: string, error: ErrorObject | undefined): number {
    const execution = this.get(arn);
    const nowMs = Date.now();
    if (!execution.finish('STOPPED', error === undefined ? {} : { error }, nowMs)) return execution.root.endMs ?? nowMs;
    const live = this.#live.get(execution.start.id);
    if (live) this.#advance(live);
    return nowMs;
  }

  /** Ends a callback, or notes that its worker is alive. */
  callback(
    callbackId: string,
    action:
      { kind: 'succeed'; result: string | undefined } | { kind: 'fail'; error: ErrorObject } | { kind: 'heartbeat' },
  ): void {
    const { execution: id, operation: operationId } = readCallbackId(callbackId);
    const live = this.#live.get(id);
    live?.execution.elapse(Date.now());
    const nowMs = Date.now();
    if (live?.execution.operation(operationId)?.callbackId !== callbackId)
      throw new AwsError(404, 'ResourceNotFoundException', 'Callback not found, or its execution has ended.');
    const isDone = live.execution.change(
      operationId,
      (operation) => {
        if (action.kind === 'heartbeat') return beat(operation, nowMs);
        if (action.kind === 'fail') return settle(operation, 'FAILED', { error: action.error }, nowMs);
        return settle(operation, 'SUCCEEDED', action.result === undefined ? {} : { result: action.result }, nowMs);
      },
      action.kind !== 'heartbeat',
    );
    if (!isDone) throw new AwsError(400, 'CallbackTimeoutException', 'The callback has already ended.');
    this.#advance(live);
  }

  /** Asked again after a wait: it may have changed meanwhile. */
  #hasClosed(): boolean {
    return this.#isClosed;
  }

  #adopt(execution: DurableExecution): Live {
    const live: Live = { execution, isInvoking: false, mustInvoke: true, crashes: 0, timer: undefined };
    this.#live.set(execution.start.id, live);
    return live;
  }

  async #ended(arn: string): Promise<DurableExecution> {
    const execution = this.get(arn);
    if (execution.isEnded) return execution;
    await new Promise<void>((resolve) =>
      this.#waiters.set(execution.start.id, [...(this.#waiters.get(execution.start.id) ?? []), resolve]),
    );
    return this.get(arn);
  }

  /** Looks at an execution after any change: ends it, invokes it, or sets the timer of what comes next. */
  #advance(live: Live): void {
    const { execution } = live;
    clearTimeout(live.timer);
    if (this.#isClosed) return;
    execution.elapse(Date.now());
    if (execution.isEnded) {
      this.#live.delete(execution.start.id);
      const waiters = this.#waiters.get(execution.start.id) ?? [];
      this.#waiters.delete(execution.start.id);
      for (const wake of waiters) wake();
      return;
    }
    if (!live.isInvoking && (live.mustInvoke || execution.hasUnseen)) void this.#invoke(live);
    const delayMs = Math.min(Math.max(1, execution.nextDueMs - Date.now()), MAX_TIMER_MS);
    live.timer = setTimeout(() => this.#advance(live), delayMs);
  }

  async #invoke(live: Live): Promise<void> {
    const { execution } = live;
    const { start } = execution;
    live.isInvoking = true;
    live.mustInvoke = false;
    const requestId = randomUUID();
    const startMs = Date.now();
    let error: ErrorObject | undefined;
    try {
      const target = { ...this.#options.lambda.catalog.resolve(start.invokedArn), version: start.version };
      const payload = Buffer.from(JSON.stringify(execution.beginInvocation()));
      const result = await this.#options.lambda.invoker.run({ target, payload, tenantId: start.tenantId, requestId });
      if (this.#isClosed) return;
      if (result.functionError === undefined) this.#settleInvocation(live, result.payload);
      else error = errorOfPayload(result.payload);
    } catch (thrown) {
      if (this.#isClosed) return;
      error = { ErrorType: (thrown as Error).name, ErrorMessage: (thrown as Error).message };
    }
    live.isInvoking = false;
    execution.endInvocation({ requestId, startMs, endMs: Date.now(), error });
    if (error === undefined) live.crashes = 0;
    else this.#retryAfterCrash(live, error);
    this.#advance(live);
  }

  #settleInvocation(live: Live, payload: Buffer): void {
    const { execution } = live;
    const answer = readHandlerAnswer(payload);
    const nowMs = Date.now();
    if (answer.status === 'SUCCEEDED')
      execution.finish('SUCCEEDED', answer.result === undefined ? {} : { result: answer.result }, nowMs);
    else if (answer.status === 'FAILED') execution.finish('FAILED', { error: answer.error }, nowMs);
    else if (!execution.isWaiting && !execution.hasUnseen) {
      execution.finish(
        'FAILED',
        {
          error: {
            ErrorType: 'InvalidParameterValueException',
            ErrorMessage: 'The function answered PENDING, but no operation is pending.',
          },
        },
        nowMs,
      );
    }
  }

  #retryAfterCrash(live: Live, error: ErrorObject): void {
    const delayMs = Math.min(this.#options.crashRetryMs * 2 ** live.crashes, MAX_CRASH_DELAY_MS);
    live.crashes += 1;
    this.#options.onLog(
      live.execution.start.functionName,
      `[durable] ${live.execution.start.arn}: ${error.ErrorType ?? 'error'}; invoked again in ${delayMs} ms`,
    );
    const timer = setTimeout(() => {
      live.mustInvoke = true;
      if (!this.#isClosed && this.#live.has(live.execution.start.id)) this.#advance(live);
    }, delayMs);
    timer.unref();
  }

  #runChained(live: Live, operation: Operation): void {
    void this.#chainedOutcome(live.execution, operation).then((outcome) => {
      if (outcome === undefined || this.#isClosed) return;
      const nowMs = Date.now();
      const { status, ...rest } = outcome;
      if (live.execution.change(operation.id, (current) => settle(current, status, rest, nowMs))) this.#advance(live);
    });
  }

  /** Invokes until there is an answer; undefined if the harness stops first. */
  async #chainedOutcome(
    execution: DurableExecution,
    operation: Operation,
  ): Promise<
    { status: 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'STOPPED'; result?: string; error?: ErrorObject } | undefined
  > {
    for (let attempt = 0; !this.#isClosed; attempt += 1) {
      try {
        const { payload, functionError, durableExecutionArn } = await this.#options.lambda.invokeChained({
          functionName: operation.functionName ?? '',
          payload: Buffer.from(operation.input ?? 'null'),
          tenantId: operation.tenantId,
          durableExecutionName: `${execution.start.id.slice(0, 23)}-${operation.id.slice(0, 32)}`,
        });
        if (functionError === undefined) return { status: 'SUCCEEDED', result: payload.toString('utf8') };
        const childStatus = durableExecutionArn === undefined ? 'FAILED' : this.get(durableExecutionArn).status;
        const status = childStatus === 'TIMED_OUT' || childStatus === 'STOPPED' ? childStatus : 'FAILED';
        return { status, error: errorOfPayload(payload) };
      } catch (thrown) {
        const isThrottle = thrown instanceof AwsError && thrown.status === 429;
        if (this.#hasClosed()) return undefined;
        if (!isThrottle)
          return {
            status: 'FAILED',
            error: { ErrorType: (thrown as Error).name, ErrorMessage: (thrown as Error).message },
          };
        await new Promise((resolve) => setTimeout(resolve, Math.min(1000 * 2 ** attempt, MAX_CRASH_DELAY_MS)));
      }
    }
    return undefined;
  }
}
