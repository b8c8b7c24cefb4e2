/**
 * Execution environments by function version and tenant: reuses an idle one, starts one, or evicts the longest idle one
 * of another kind to make room. An environment of one tenant never serves another.
 */
import { AwsError } from '../aws/service.ts';
import type { FunctionTarget } from './functions.ts';

/** What the pool has to know of an environment. */
export interface Pooled {
  readonly isAlive: boolean;
  start(): Promise<void>;
  /** Ends it; settles when the process is gone. */
  end(): Promise<void>;
}

export interface PoolOptions<Environment extends Pooled> {
  /** Processes at most, over all functions. */
  readonly maxEnvironments: number;
  /** How long a request waits for a place before it is throttled, in ms. */
  readonly maxWaitMs: number;
  /** Idle environments end after this, in ms. */
  readonly idleMs: number;
  /** Makes (but does not start) the environment of a function for a tenant. */
  readonly create: (target: FunctionTarget, tenantId: string | undefined, onExit: () => void) => Environment;
}

interface Slot<Environment> {
  readonly key: string;
  readonly functionName: string;
  readonly environment: Environment;
  isBusy: boolean;
  /** Has answered and is about to ask for its next invocation. */
  isFinishing: boolean;
  idleSinceMs: number;
}

/** How long a request waits for an environment that has just answered, before it starts another, in ms. */
const FINISHING_WAIT_MS = 250;

function throttled(reason: string): AwsError {
  return Object.assign(new AwsError(429, 'TooManyRequestsException', 'Rate Exceeded.'), { reason });
}

export class EnvironmentPool<Environment extends Pooled> {
  readonly #options: PoolOptions<Environment>;
  readonly #slots = new Set<Slot<Environment>>();
  readonly #waiting = new Set<() => void>();
  readonly #reaper: NodeJS.Timeout;
  #isClosed = false;

  constructor(options: PoolOptions<Environment>) {
    this.#options = options;
    this.#reaper = setInterval(() => this.#reap(), Math.min(options.idleMs, 10_000));
    this.#reaper.unref();
  }

  /** Number of processes that are alive. */
  get size(): number {
    return this.#slots.size;
  }

  /**
   * An environment for one invocation of `target`; give it back with `release`.
   * @throws AwsError TooManyRequestsException 429 past the function's reserved concurrency, or when no place frees up.
   */
  async acquire(target: FunctionTarget, tenantId: string | undefined): Promise<Environment> {
    const key = `${target.fn.functionName}:${target.version}/${tenantId ?? ''}`;
    const askedAtMs = Date.now();
    for (;;) {
      if (this.#isClosed) throw new AwsError(503, 'ServiceException', 'the local cloud is stopping');
      this.#checkReserved(target);
      const idle = [...this.#slots]
        .filter((slot) => slot.key === key && !slot.isBusy && slot.environment.isAlive)
        .at(-1);
      if (idle) {
        idle.isBusy = true;
        return idle.environment;
      }
      const finishingMs = askedAtMs + FINISHING_WAIT_MS - Date.now();
      if (finishingMs > 0 && [...this.#slots].some((slot) => slot.key === key && slot.isFinishing)) {
        await this.#wait(finishingMs);
        continue;
      }
      if (this.#slots.size < this.#options.maxEnvironments) return this.#start(key, target, tenantId);
      if (!this.#evict()) await this.#turn(askedAtMs + this.#options.maxWaitMs);
    }
  }

  /** The environment has answered; it is given back as soon as it asks for more. */
  markFinishing(environment: Environment): void {
    for (const slot of this.#slots) if (slot.environment === environment) slot.isFinishing = true;
  }

  /** Gives an environment back, for reuse if its process lives. */
  release(environment: Environment): void {
    for (const slot of this.#slots) {
      if (slot.environment !== environment) continue;
      slot.isBusy = false;
      slot.isFinishing = false;
      slot.idleSinceMs = Date.now();
      if (!environment.isAlive) this.#slots.delete(slot);
    }
    this.#wakeAll();
  }

  /** Ends every process, and waits until they are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#reaper);
    this.#wakeAll();
    await Promise.all([...this.#slots].map(({ environment }) => environment.end()));
  }

  #checkReserved({ fn }: FunctionTarget): void {
    if (fn.reservedConcurrency === undefined) return;
    const busy = [...this.#slots].filter(
      (slot) => slot.functionName === fn.functionName && slot.isBusy && !slot.isFinishing,
    ).length;
    if (busy >= fn.reservedConcurrency) throw throttled('ReservedFunctionConcurrentInvocationLimitExceeded');
  }

  async #start(key: string, target: FunctionTarget, tenantId: string | undefined): Promise<Environment> {
    const forget = () => {
      this.#slots.delete(slot);
      this.#wakeAll();
    };
    const environment = this.#options.create(target, tenantId, forget);
    const slot: Slot<Environment> = {
      key,
      functionName: target.fn.functionName,
      environment,
      isBusy: true,
      isFinishing: false,
      idleSinceMs: Date.now(),
    };
    this.#slots.add(slot);
    await environment.start();
    return environment;
  }

  /** Ends the longest idle environment; false if all are busy. */
  #evict(): boolean {
    const idle = [...this.#slots].filter((slot) => !slot.isBusy).sort((a, b) => a.idleSinceMs - b.idleSinceMs)[0];
    if (!idle) return false;
    this.#slots.delete(idle);
    void idle.environment.end();
    return true;
  }

  async #turn(giveUpAtMs: number): Promise<void> {
    const remainingMs = giveUpAtMs - Date.now();
    if (remainingMs <= 0) throw throttled('ConcurrentInvocationLimitExceeded');
    await this.#wait(remainingMs);
  }

  /** Until any environment is given back or ends, at most `timeoutMs`. */
  async #wait(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      this.#waiting.add(wake);
    });
  }

  /** Who waits looks for himself whether what came free is of use to him. */
  #wakeAll(): void {
    for (const wake of this.#waiting) wake();
  }

  #reap(): void {
    const before = Date.now() - this.#options.idleMs;
    for (const slot of this.#slots) {
      if (slot.isBusy || slot.idleSinceMs > before) continue;
      this.#slots.delete(slot);
      void slot.environment.end();
    }
  }
}
