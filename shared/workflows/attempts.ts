/** The tries of one call of *fit*: a bounded number, so that a segment that always crashes ends its job and not its budget. */
import { FitFailed } from './fit-failed.ts';

export const FIT_ATTEMPTS = 3;
const RETRY_S = 5;

interface Durable {
  readonly invoke: (name: string) => Promise<unknown>;
  readonly wait: (name: string, seconds: number) => Promise<unknown>;
}

/** @throws {FitFailed} with what Lambda said of the last try */
export async function attempts<T>(name: string, { invoke, wait }: Durable): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await invoke(`${name}-${attempt}`)) as T;
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown';
      if (attempt === FIT_ATTEMPTS)
        throw new FitFailed(`${name} failed ${FIT_ATTEMPTS} times, the last time: ${reason}`);
      await wait(`${name}-backoff-${attempt}`, RETRY_S * attempt);
    }
  }
}
