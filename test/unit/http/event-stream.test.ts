import { describe, expect, it } from '@jest/globals';
import { eventStream } from '../../../shared/http/events/stream.ts';
import type { JobEvent, JobRecord } from '../../../shared/resources/job.ts';

const TIMING = { pollMs: 1, heartbeatMs: 5, maxMs: 5000, retryMs: 1000 };
const HEARTBEAT = ': still there\n\n';

function event(number: number, type: JobEvent['type'], data: Record<string, unknown> = {}): JobEvent {
  const id = `evt_${String(number).padStart(9, '0')}`;
  return { id, object: 'job.event', type, level: 'info', created_at: 0, data };
}

/** A log that grows by one event each time it is read. */
function growing(events: readonly JobEvent[]) {
  let there = 0;
  return {
    async list({ after, limit }: { after?: string | undefined; limit: number }) {
      there += 1;
      const data = events.slice(0, there).filter(({ id }) => after === undefined || id > after);
      return { data: data.slice(0, limit), hasMore: data.length > limit };
    },
  };
}

async function read(options: Partial<Parameters<typeof eventStream>[0]>): Promise<string[]> {
  const parts: string[] = [];
  const status: JobRecord['status'] = 'succeeded';
  // Time passes while the stream waits, and only then.
  let nowMs = 0;
  const stream = eventStream({
    clock: { nowMs: () => nowMs },
    wait: async (ms) => void (nowMs += ms),
    log: growing([]),
    job: async () => ({ status }),
    after: undefined,
    timing: TIMING,
    ...options,
  });
  for await (const part of stream) parts.push(part);
  return parts;
}

const idsOf = (parts: readonly string[]): string[] =>
  parts.flatMap((part) => /^id: (\S+)$/m.exec(part)?.[1] ?? []).map((id) => id.slice(-1));

describe('eventStream', () => {
  const all = [1, 2, 3].map((n) => event(n, 'metrics', { epoch: n }));
  const end = event(4, 'status', { status: 'succeeded' });

  it('says when to reconnect, then every event in order, and ends behind the one that ends the job', async () => {
    let asked = 0;
    const parts = await read({
      log: growing([...all, end]),
      job: async () => ({ status: ++asked < 6 ? 'running' : 'succeeded' }),
    });

    expect(parts[0]).toBe('retry: 1000\n\n');
    expect(parts[1]).toBe(`id: ${all[0]!.id}\nevent: metrics\ndata: ${JSON.stringify(all[0])}\n\n`);
    expect(idsOf(parts)).toEqual(['1', '2', '3', '4']);
    // The end is told only once the job itself says so.
    expect(asked).toBe(6);
  });

  it('goes on behind the last event that the client has', async () => {
    const log = growing([...all, end]);
    for (let i = 0; i < 4; i++) await log.list({ limit: 1 });

    expect(idsOf(await read({ log, after: all[1]!.id }))).toEqual(['3', '4']);
  });

  it('sends comments while nothing happens, and ends in time for the client to come again', async () => {
    const parts = await read({ job: async () => ({ status: 'running' }), timing: { ...TIMING, maxMs: 60 } });

    // At 5, 10 ... 55 ms.
    expect(parts.slice(1)).toEqual(Array(11).fill(HEARTBEAT));
  });

  it('sends no comment soon after an event', async () => {
    const log = growing([...all, ...all, ...all].map((_, i) => event(i + 1, 'metrics', {})));

    const parts = await read({ log, job: async () => ({ status: 'running' }), timing: { ...TIMING, maxMs: 14 } });

    // Nine events at 0 to 8 ms; then a comment at 13.
    expect(parts.slice(1).map((part) => part === HEARTBEAT)).toEqual([...Array<boolean>(9).fill(false), true]);
  });

  it('ends when the job is erased, and at once where a finished job has told everything', async () => {
    expect(await read({ job: async () => undefined })).toHaveLength(1);
    expect(await read({ log: growing([]), after: end.id })).toHaveLength(1);
  });
});
