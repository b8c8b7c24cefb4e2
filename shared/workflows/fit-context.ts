/** What *fit* works with: one tenant's stores, and what Lambda gives this invocation. */
import type { Clock } from '../clock.ts';
import type { TenantStores } from '../stores/tenant-stores.ts';

export interface FitContext {
  readonly stores: TenantStores;
  readonly clock: Clock;
  /** When the segment has to be over, in ms since the epoch, checkpoint written. */
  readonly deadlineMs: number;
  /** When Lambda ends the invocation. */
  readonly endsMs: number;
  readonly threads: number;
  readonly memoryMb: number;
  /** What a training's rows may take of it; more are read in blocks. */
  readonly dataBytes: number;
  /** For jobs from before there were price lists. */
  readonly gbSecondUsd: number;
}
