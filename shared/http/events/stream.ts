/**
 * A job's events as server-sent events, until the event that ends it. The client reconnects where a connection ends early,
 * with the id of the last event that it got. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import { setTimeout } from 'node:timers/promises';
import { steadyClock } from '../../clock.ts';
import type { Clock } from '../../clock.ts';
import { isFinished } from '../../resources/training.ts';
import type { JobEvent, JobRecord } from '../../resources/job.ts';
import type { EventLog } from '../../stores/event-log.ts';

export interface StreamTiming {
  /** How often the log is read, in ms. */
  readonly pollMs: number;
  /** A comment goes out after this long without an event: connections that carry nothing are cut. */
  readonly heartbeatMs: number;
  /** When the stream ends, finished or not. */
  readonly maxMs: number;
  /** How long the client waits before it reconnects, in ms. */
  readonly retryMs: number;
}

interface StreamOptions {
  readonly log: Pick<EventLog, 'list'>;
  /** The job as it is now, or undefined when it was erased. */
  readonly job: () => Promise<Pick<JobRecord, 'status'> | undefined>;
  /** The last event that the client has. */
  readonly after: string | undefined;
  readonly timing: StreamTiming;
  /** Time, for tests. */
  readonly clock?: Clock;
  readonly wait?: (ms: number) => Promise<unknown>;
}

const EVENTS_AT_ONCE = 100;

export async function* eventStream({
  log,
  job,
  after,
  timing,
  clock = steadyClock(),
  wait = setTimeout,
}: StreamOptions): AsyncGenerator<string, void, undefined> {
  const startedMs = clock.nowMs();
  let last = after;
  let saidMs = startedMs;
  yield `retry: ${timing.retryMs}\n\n`;
  while (clock.nowMs() - startedMs < timing.maxMs) {
    // Asked first: what a finished job has told is all that it will tell.
    const current = await job();
    const isOver = current === undefined || isFinished(current);
    const page = await log.list({ limit: EVENTS_AT_ONCE, after: last, order: 'ascending' });
    for (const event of page.data) {
      // Who reads of the end may ask for the job: it has to say the same.
      if (isEnd(event) && !isOver) break;
      yield messageOf(event);
      last = event.id;
      saidMs = clock.nowMs();
      if (isEnd(event)) return;
    }
    if (page.hasMore) continue;
    if (isOver) return;
    if (clock.nowMs() - saidMs >= timing.heartbeatMs) {
      yield ': still there\n\n';
      saidMs = clock.nowMs();
    }
    await wait(timing.pollMs);
  }
}

function isEnd({ type, data }: JobEvent): boolean {
  const status = data?.['status'];
  return type === 'status' && (status === 'succeeded' || status === 'failed' || status === 'cancelled');
}

function messageOf(event: JobEvent): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
