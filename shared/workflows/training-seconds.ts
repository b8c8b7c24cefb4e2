/**
 * The seconds of the month that one training may take, leased a little ahead of it: what it has used never exceeds what it has
 * leased, so that the month's limit holds while it runs and not only before. What a step takes beyond, where the month has no
 * more, is neither counted nor billed.
 */
import type { TrainingLease, TrainingPool } from '../stores/training-pool.ts';

const MAX_CHUNK_S = 30;
const MIN_CHUNK_S = 2;
/** A chunk is this part of the limit at most, so that the last seconds of a month are for whoever asks for them. */
const CHUNKS = 100;
/** With less than this part of a chunk left, more is leased. */
const LOW = 1 / 3;
/** Kept for the step that runs and for writing the checkpoint. */
const SPARE_S = 1;

export class TrainingSeconds {
  readonly #pool: TrainingPool;
  readonly #limit: number;
  readonly #chunkS: number;
  #lease: TrainingLease | undefined;
  #from = 0;
  #isLast = false;

  /** @param limit of the month */
  constructor(pool: TrainingPool, limit = Number.MAX_SAFE_INTEGER) {
    this.#pool = pool;
    this.#limit = limit;
    this.#chunkS = Math.min(MAX_CHUNK_S, Math.max(MIN_CHUNK_S, Math.floor(limit / CHUNKS)));
  }

  /** @param taken by the training before @returns whether the month has any left */
  async open(run: string, taken: number): Promise<boolean> {
    this.#from = taken;
    this.#lease = await this.#pool.open(run, Math.ceil(taken), { seconds: this.#chunkS, limit: this.#limit });
    return this.#lease !== undefined;
  }

  /** Leases more where little is left. */
  async renew(taken: number): Promise<void> {
    if (this.#lease === undefined || this.#isLast || this.#lease.to - taken >= this.#chunkS * LOW) return;
    await this.#extend(this.#lease, this.#chunkS + Math.max(0, Math.ceil(taken) - this.#lease.to));
  }

  /** Whether the training has come to the end of what the month has for it. */
  isUsedUp(taken: number): boolean {
    return this.#lease === undefined || (this.#isLast && taken >= this.#lease.to - SPARE_S);
  }

  /** Leases what was taken beyond the lease, as far as the month has it. */
  async cover(taken: number): Promise<void> {
    if (this.#lease !== undefined && taken > this.#lease.to)
      await this.#extend(this.#lease, Math.ceil(taken) - this.#lease.to);
  }

  /** What of `taken` is counted and billed. */
  counted(taken: number): number {
    return Math.min(taken, this.#lease?.to ?? this.#from);
  }

  /** Gives back what was not taken. Once the usage is written: until then an attempt after this one finds the lease. */
  async end(taken: number): Promise<void> {
    if (this.#lease !== undefined) await this.#pool.end(this.#lease, taken);
  }

  async #extend(lease: TrainingLease, seconds: number): Promise<void> {
    const longer = await this.#pool.extend(lease, { seconds, limit: this.#limit });
    this.#isLast = longer === undefined;
    this.#lease = longer ?? lease;
  }
}
