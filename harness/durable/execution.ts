/**
 * One durable execution: its operations and history, kept in memory and appended to the store before anyone is told.
 * Holds the checkpoint token and what the function has not seen yet. Starts nothing.
 */
import { randomUUID } from 'node:crypto';
import { toEventOperation, isEnded } from './operation.ts';
import type { ErrorObject, Operation, OperationUpdate } from './operation.ts';
import { invalid, validateUpdates } from './validate.ts';
import { applyUpdate, dueAtMs, elapse, settle } from './transitions.ts';
import type { Change } from './transitions.ts';
import { invocationEvent, operationEvent } from './history.ts';
import type { HistoryEvent, NewEvent } from './history.ts';
import type { ExecutionStore, StartRecord } from './store.ts';

const MAX_OPERATIONS = 3000;
const MAX_WRITTEN_BYTES = 100 * 1_048_576;
/** Operations of one page of state, in bytes of JSON; the invocation event holds the first page. */
const PAGE_BYTES = 1_048_576;

export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'STOPPED' | 'TIMED_OUT';

export interface CheckpointAnswer {
  readonly token: string;
  /** Changed since the last answer. */
  readonly operations: readonly Operation[];
  /** Chained invokes that this checkpoint started. */
  readonly startedInvokes: readonly Operation[];
}

export class DurableExecution {
  readonly start: StartRecord;
  readonly #store: ExecutionStore;
  readonly #operations = new Map<string, Operation>();
  readonly #events: HistoryEvent[] = [];
  readonly #unseen = new Set<string>();
  #writtenBytes = 0;
  #retries = 0;
  #token = '';
  #lastCheckpoint: { token: string; clientToken: string; answer: CheckpointAnswer } | undefined;

  private constructor(start: StartRecord, store: ExecutionStore) {
    this.start = start;
    this.#store = store;
  }

  /** Makes an execution and puts it on disk. */
  static create(start: StartRecord, store: ExecutionStore): DurableExecution {
    const execution = new DurableExecution(start, store);
    const operation: Operation = {
      id: start.id,
      name: start.name,
      type: 'EXECUTION',
      status: 'STARTED',
      startMs: start.startMs,
      input: start.payload,
    };
    const event = operationEvent(operation, 'STARTED', start.startMs, { ExecutionTimeout: start.executionTimeoutS });
    const first = {
      operations: [operation],
      events: [{ ...event, eventId: 1 }],
      writtenBytes: Buffer.byteLength(start.payload),
      retries: 0,
    };
    store.create(start, first);
    execution.#remember(first);
    return execution;
  }

  /** Reads an execution back as the last append left it. */
  static load(start: StartRecord, store: ExecutionStore): DurableExecution {
    const execution = new DurableExecution(start, store);
    for (const record of store.read(start.id)) execution.#remember(record);
    return execution;
  }

  get root(): Operation {
    return this.#operations.get(this.start.id)!;
  }

  get status(): ExecutionStatus {
    return this.root.status === 'STARTED' ? 'RUNNING' : (this.root.status as ExecutionStatus);
  }

  get isEnded(): boolean {
    return isEnded(this.root);
  }

  get events(): readonly HistoryEvent[] {
    return this.#events;
  }

  get operations(): readonly Operation[] {
    return [...this.#operations.values()];
  }

  get hasUnseen(): boolean {
    return this.#unseen.size > 0;
  }

  /** Something is under way that will call for another invocation. */
  get isWaiting(): boolean {
    return this.operations.some(
      (one) =>
        one.type !== 'EXECUTION' &&
        one.type !== 'CONTEXT' &&
        (one.status === 'READY' || one.status === 'PENDING' || (one.status === 'STARTED' && one.type !== 'STEP')),
    );
  }

  get deadlineMs(): number {
    return this.start.startMs + this.start.executionTimeoutS * 1000;
  }

  /** When time changes something next, in ms since the epoch. */
  get nextDueMs(): number {
    return Math.min(this.deadlineMs, ...this.operations.map((one) => dueAtMs(one) ?? Infinity));
  }

  operation(id: string): Operation | undefined {
    return this.#operations.get(id);
  }

  /** State for a replay: children of contexts that ended are left out, unless their context wants them back. */
  replayState(): readonly Operation[] {
    const hidden = new Set<string>();
    const visible: Operation[] = [];
    for (const operation of this.#operations.values()) {
      const parent = operation.parentId === undefined ? undefined : this.#operations.get(operation.parentId);
      const isHidden =
        parent !== undefined && (hidden.has(parent.id) || (isEnded(parent) && parent.replayChildren !== true));
      if (isHidden) hidden.add(operation.id);
      else visible.push(operation);
    }
    return visible;
  }

  /** One page of `replayState`, and the marker of the next. */
  page(
    marker: string | undefined,
    maxItems = Infinity,
  ): { operations: readonly Operation[]; nextMarker: string | undefined } {
    const all = this.replayState();
    const from = marker === undefined || marker === '' ? 0 : Number(marker);
    if (!Number.isInteger(from) || from < 0) throw invalid('Invalid marker.');
    let to = from;
    for (let bytes = 0; to < all.length && to - from < maxItems; to += 1) {
      bytes += JSON.stringify(all[to]).length;
      if (bytes > PAGE_BYTES && to > from) break;
    }
    return { operations: all.slice(from, to), nextMarker: to < all.length ? String(to) : undefined };
  }

  /** The event of the next invocation; earlier tokens are void from here on. */
  beginInvocation(): object {
    this.#token = this.#newToken();
    const updated = [...this.#unseen];
    this.#unseen.clear();
    const { operations, nextMarker } = this.page(undefined);
    return {
      DurableExecutionArn: this.start.arn,
      CheckpointToken: this.#token,
      ...(updated.length === 0 ? {} : { UpdatedOperationIds: updated }),
      InitialExecutionState: { Operations: operations.map(toEventOperation), NextMarker: nextMarker ?? '' },
    };
  }

  /** Notes the end of an invocation; one that failed counts as an operation, and voids its token. */
  endInvocation(run: { requestId: string; startMs: number; endMs: number; error: ErrorObject | undefined }): void {
    this.#token = this.#newToken();
    this.#append([], [invocationEvent(run)], { writtenBytes: 0, retries: run.error === undefined ? 0 : 1 });
  }

  /** @throws AwsError if the token is not the running invocation's. */
  checkToken(token: string | undefined): void {
    if (token !== this.#token || this.isEnded)
      throw invalid('Invalid Checkpoint Token: it is not the one of the running invocation.');
  }

  /** Applies a batch of updates. The same request sent twice gets the same answer. */
  checkpoint(
    request: { token: string | undefined; clientToken: string | undefined; updates: readonly OperationUpdate[] },
    nowMs: number,
  ): CheckpointAnswer {
    const { token, clientToken, updates } = request;
    const last = this.#lastCheckpoint;
    if (last && clientToken !== undefined && last.clientToken === clientToken && last.token === token)
      return last.answer;
    this.checkToken(token);
    this.elapse(nowMs);
    if (this.isEnded) throw invalid('Invalid Checkpoint Token: the execution has ended.');
    validateUpdates(updates, this.#operations, this.start.id);
    const startedInvokes = this.#apply(updates, nowMs);
    this.#token = this.#newToken();
    const changed = [
      ...new Set([
        ...this.#unseen,
        ...updates.map((update) => (update.Type === 'EXECUTION' ? this.start.id : update.Id)),
      ]),
    ];
    this.#unseen.clear();
    const answer = { token: this.#token, operations: changed.map((id) => this.#operations.get(id)!), startedInvokes };
    this.#lastCheckpoint =
      token !== undefined && clientToken !== undefined ? { token, clientToken, answer } : undefined;
    return answer;
  }

  /** What time has done since; true if the function should hear of it. */
  elapse(nowMs: number): boolean {
    if (this.isEnded) return false;
    if (nowMs >= this.deadlineMs) {
      const error = {
        ErrorType: 'ExecutionTimeout',
        ErrorMessage: `Execution timed out after ${this.start.executionTimeoutS} seconds`,
      };
      this.finish('TIMED_OUT', { error }, nowMs);
      return false;
    }
    const changes = this.operations.map((one) => elapse(one, nowMs)).filter((change) => change !== undefined);
    if (changes.length > 0) this.#appendChanges(changes);
    for (const { operation } of changes) this.#unseen.add(operation.id);
    return changes.length > 0;
  }

  /** A change from outside: a callback, a chained invoke. Nothing happens to an operation that has ended. */
  change(id: string, make: (operation: Operation) => Change, isNews = true): boolean {
    const operation = this.#operations.get(id);
    if (!operation || isEnded(operation) || this.isEnded) return false;
    this.#appendChanges([make(operation)]);
    if (isNews) this.#unseen.add(id);
    return true;
  }

  /** Ends the execution itself; false if it has ended before. */
  finish(
    status: 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'STOPPED',
    outcome: { result?: string; error?: ErrorObject },
    nowMs: number,
  ): boolean {
    return this.change(this.start.id, (operation) => settle(operation, status, outcome, nowMs), false);
  }

  #apply(updates: readonly OperationUpdate[], nowMs: number): readonly Operation[] {
    const changed = new Map<string, Operation>();
    const events: NewEvent[] = [];
    let writtenBytes = 0;
    let retries = 0;
    for (const update of updates) {
      const id = update.Type === 'EXECUTION' ? this.start.id : update.Id;
      const change = applyUpdate(changed.get(id) ?? this.#operations.get(id), update, nowMs, this.#callbackId(id));
      changed.set(id, change.operation);
      events.push(...change.events);
      writtenBytes +=
        Buffer.byteLength(update.Payload ?? '') + (update.Error ? Buffer.byteLength(JSON.stringify(update.Error)) : 0);
      if (update.Action === 'RETRY') retries += 1;
    }
    const added = [...changed.keys()].filter((id) => !this.#operations.has(id)).length;
    if (this.#operations.size + added + this.#retries + retries > MAX_OPERATIONS)
      throw invalid(`The durable execution exceeds its limit of ${MAX_OPERATIONS} operations.`);
    if (this.#writtenBytes + writtenBytes > MAX_WRITTEN_BYTES)
      throw invalid(`The durable execution exceeds its limit of ${MAX_WRITTEN_BYTES} bytes written.`);
    this.#append([...changed.values()], events, { writtenBytes, retries });
    const isStart = (update: OperationUpdate) => update.Type === 'CHAINED_INVOKE' && update.Action === 'START';
    return updates.filter(isStart).map((update) => changed.get(update.Id)!);
  }

  #appendChanges(changes: readonly Change[]): void {
    this.#append(
      changes.map((change) => change.operation),
      changes.flatMap((change) => change.events),
      { writtenBytes: 0, retries: 0 },
    );
  }

  #append(
    operations: readonly Operation[],
    newEvents: readonly NewEvent[],
    counts: { writtenBytes: number; retries: number },
  ): void {
    if (operations.length === 0 && newEvents.length === 0) return;
    const events = newEvents.map((event, index) => ({ eventId: this.#events.length + index + 1, ...event }));
    const record = { operations, events, ...counts };
    this.#store.append(this.start.id, record);
    this.#remember(record);
  }

  #remember(record: {
    operations: readonly Operation[];
    events: readonly HistoryEvent[];
    writtenBytes: number;
    retries: number;
  }): void {
    for (const operation of record.operations) this.#operations.set(operation.id, operation);
    this.#events.push(...record.events);
    this.#writtenBytes += record.writtenBytes;
    this.#retries += record.retries;
  }

  #newToken(): string {
    return Buffer.from(JSON.stringify({ execution: this.start.id, token: randomUUID() })).toString('base64');
  }

  #callbackId(operationId: string): string {
    return Buffer.from(
      JSON.stringify({ execution: this.start.id, operation: operationId, token: randomUUID() }),
    ).toString('base64');
  }
}

/** The execution and operation that a callback id names. @throws AwsError if it is none. */
export function readCallbackId(callbackId: string): { execution: string; operation: string } {
  try {
    const { execution, operation } = JSON.parse(Buffer.from(callbackId, 'base64').toString('utf8')) as {
      execution: unknown;
      operation: unknown;
    };
    if (typeof execution === 'string' && typeof operation === 'string') return { execution, operation };
  } catch {
    // Falls through to the one error.
  }
  throw invalid('Invalid callback id.');
}
