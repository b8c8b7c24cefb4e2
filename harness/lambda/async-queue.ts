/**
 * Asynchronous invocations (type Event): kept on disk until they succeed or their retries are used up, so that they
 * survive `kill -9`. At least once. Source: AWS Lambda developer guide, "How Lambda handles errors and retries with
 * asynchronous invocation" (retries after 1 and 2 minutes; the delays are an option here).
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface QueuedEvent {
  readonly id: string;
  readonly functionArn: string;
  readonly tenantId: string | undefined;
  readonly payloadBase64: string;
  readonly enqueuedAtMs: number;
  /** Runs that failed so far. */
  readonly failures: number;
}

/** `retry` leaves the count alone, as for throttling. */
export type DeliveryResult = 'done' | 'failed' | 'retry';

export interface AsyncQueueOptions {
  readonly directory: string;
  /** Delay before each retry, in ms; the last one repeats. */
  readonly retryDelaysMs: readonly number[];
  /** Retries allowed and the oldest age of an event, by function ARN as called. */
  readonly policy: (event: QueuedEvent) => { maximumRetryAttempts: number; maximumEventAgeS: number };
  readonly deliver: (event: QueuedEvent) => Promise<DeliveryResult>;
  readonly onDiscard: (event: QueuedEvent, reason: string) => void;
}

export class AsyncQueue {
  readonly #options: AsyncQueueOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  #isClosed = false;

  constructor(options: AsyncQueueOptions) {
    this.#options = options;
    mkdirSync(options.directory, { recursive: true });
  }

  /** Takes up what an earlier run of the harness left. */
  resume(): void {
    for (const file of readdirSync(this.#options.directory).filter((name) => name.endsWith('.json'))) {
      this.#schedule(JSON.parse(readFileSync(join(this.#options.directory, file), 'utf8')) as QueuedEvent, 0);
    }
  }

  /** Accepts an event: it is on disk when this returns. */
  add(functionArn: string, tenantId: string | undefined, payload: Buffer, id: string = randomUUID()): string {
    const event = {
      id,
      functionArn,
      tenantId,
      payloadBase64: payload.toString('base64'),
      enqueuedAtMs: Date.now(),
      failures: 0,
    };
    this.#save(event);
    this.#schedule(event, 0);
    return id;
  }

  /** Stops delivering; what is left stays on disk. */
  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #path(id: string): string {
    return join(this.#options.directory, `${id}.json`);
  }

  #save(event: QueuedEvent): void {
    const temporary = `${this.#path(event.id)}.tmp`;
    writeFileSync(temporary, JSON.stringify(event), { flush: true });
    renameSync(temporary, this.#path(event.id));
  }

  #remove(event: QueuedEvent): void {
    rmSync(this.#path(event.id), { force: true });
  }

  #schedule(event: QueuedEvent, delayMs: number): void {
    if (this.#isClosed) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#deliver(event);
    }, delayMs);
    this.#timers.add(timer);
  }

  async #deliver(event: QueuedEvent): Promise<void> {
    const { maximumRetryAttempts, maximumEventAgeS } = this.#options.policy(event);
    if (Date.now() - event.enqueuedAtMs > maximumEventAgeS * 1000) {
      this.#remove(event);
      this.#options.onDiscard(event, `older than ${maximumEventAgeS} s`);
      return;
    }
    const result = await this.#options.deliver(event).catch((): DeliveryResult => 'failed');
    if (this.#isClosed) return;
    const delays = this.#options.retryDelaysMs;
    if (result === 'done') {
      this.#remove(event);
    } else if (result === 'retry') {
      this.#schedule(event, delays[0] ?? 1000);
    } else if (event.failures >= maximumRetryAttempts) {
      this.#remove(event);
      this.#options.onDiscard(event, `failed ${event.failures + 1} times`);
    } else {
      const failed = { ...event, failures: event.failures + 1 };
      this.#save(failed);
      this.#schedule(failed, delays[Math.min(event.failures, delays.length - 1)] ?? 0);
    }
  }
}
