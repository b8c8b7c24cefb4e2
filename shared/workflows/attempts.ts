/** The tries of one call of *fit*: a bounded number, each within the job's budget, so that a segment that always crashes ends its job. */
import { FitFailed } from './fit-failed.ts';
import type { Exhausted } from './fit-failed.ts';

export const FIT_ATTEMPTS = 3;
const RETRY_S = 5;

interface Durable {
  readonly invoke: (name: string) => Promise<unknown>;
  readonly wait: (name: string, seconds: number) => Promise<unknown>;
  /** Charges a try that died. @returns what has no room for another */
  readonly charge: (name: string) => Promise<Exhausted | undefined>;
}

/** @throws {FitFailed} with what Lambda said of the last of so many tries */
export async function attempts<T>(name: string, { invoke, wait, charge }: Durable, tries = FIT_ATTEMPTS): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await invoke(`${name}-${attempt}`)) as T;
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown';
      const exhausted = await charge(`${name}-charge-${attempt}`);
      if (attempt === tries || exhausted !== undefined) {
        const times = attempt === 1 ? 'once' : `${attempt} times, the last time`;
        throw new FitFailed(`${name} failed ${times}: ${reason}`, exhausted);
      }
      await wait(`${name}-backoff-${attempt}`, RETRY_S * attempt);
    }
  }
}
