/** Whose turn it is: by hand for the rules, by generated histories for what must never happen. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EMPTY_SCHEDULE, decide, pauseS, release } from '../../../shared/tenancy/schedule.ts';
import type { Capacity, Schedule } from '../../../shared/tenancy/schedule.ts';

const two: Capacity = { slots: 2, leaseMs: 600_000 };

/** Asks in turn: `job` of the tenant its first letter names. */
function ask(schedule: Schedule, job: string, nowMs: number, capacity = two): [Schedule, boolean] {
  const { isAdmitted, next } = decide(schedule, { job, tenant: job[0]!, nowMs }, capacity);
  return [next ?? schedule, isAdmitted];
}

function askAll(jobs: readonly string[]): [Schedule, boolean[]] {
  let schedule = EMPTY_SCHEDULE;
  const answers = jobs.map((job, i) => {
    const [next, isAdmitted] = ask(schedule, job, i);
    schedule = next;
    return isAdmitted;
  });
  return [schedule, answers];
}

describe('a slot for training', () => {
  it('is given while there are some, and then to nobody', () => {
    const [, answers] = askAll(['a1', 'a2', 'b1']);

    expect(answers).toEqual([true, true, false]);
  });

  it('goes to the tenant that holds fewest, not to the one that asks first', () => {
    const [full] = askAll(['a1', 'a2', 'a3', 'b1']);
    const freed = release(full, 'a1')!;

    const [afterA, isA3] = ask(freed, 'a3', 10);
    const [, isB1] = ask(afterA, 'b1', 11);

    expect([isA3, isB1]).toEqual([false, true]);
  });

  it('goes among equals to the tenant that has waited longest', () => {
    const [full] = askAll(['a1', 'a2', 'b1', 'c1']);
    const freed = release(full, 'a1')!;

    const [afterC, isC] = ask(freed, 'c1', 10);
    const [, isB] = ask(afterC, 'b1', 11);

    expect([isC, isB]).toEqual([false, true]);
  });

  it('is kept from segment to segment while nobody with fewer waits, and given up when somebody does', () => {
    const [alone] = askAll(['a1', 'a2']);
    const [kept, isKept] = ask(alone, 'a1', 10);
    const [contested] = ask(kept, 'b1', 11);
    const [, isStillKept] = ask(contested, 'a1', 12);

    expect([isKept, isStillKept]).toEqual([true, false]);
  });

  it('comes back when its holder has died', () => {
    const [full] = askAll(['a1', 'a2']);

    expect(ask(full, 'b1', 599_000)[1]).toBe(false);
    expect(ask(full, 'b1', 600_002)[1]).toBe(true);
  });

  it('is not kept for a tenant that went away without a word', () => {
    const [full] = askAll(['a1', 'a2', 'b1']);
    const freed = release(full, 'a1')!;

    expect(ask(freed, 'a3', 1000)[1]).toBe(false);
    expect(ask(freed, 'a3', 300_000)[1]).toBe(true);
  });

  it('costs no write to ask for again and again', () => {
    const [full] = askAll(['a1', 'a2', 'b1']);

    expect(decide(full, { job: 'b1', tenant: 'b', nowMs: 5000 }, two)).toEqual({ isAdmitted: false, next: undefined });
  });

  it('is asked for in growing pauses', () => {
    expect([0, 1, 2, 5, 6, 60].map(pauseS)).toEqual([5, 10, 20, 120, 120, 120]);
  });
});

describe('whatever happens', () => {
  const event = fc.record({
    job: fc.integer({ min: 0, max: 19 }),
    isRelease: fc.boolean(),
    passedMs: fc.integer({ min: 0, max: 100_000 }),
  });

  it('no more than the slots are held, and a refusal has a reason', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), fc.integer({ min: 1, max: 6 }), (events, slots) => {
        let schedule = EMPTY_SCHEDULE;
        let nowMs = 0;
        for (const { job, isRelease, passedMs } of events) {
          nowMs += passedMs;
          const id = `${'abcde'[job % 5]!}${job}`;
          if (isRelease) {
            schedule = release(schedule, id) ?? schedule;
            continue;
          }
          const [next, isAdmitted] = ask(schedule, id, nowMs, { slots, leaseMs: 300_000 });
          const holders = Object.values(next.running).filter(({ until_ms: untilMs }) => untilMs > nowMs);
          expect(holders.length).toBeLessThanOrEqual(slots);
          expect(id in next.running).toBe(isAdmitted || (next === schedule && id in schedule.running));
          // Refused: the slots are held, or wanted by others who wait.
          if (!isAdmitted) expect(holders.length + Object.keys(next.waiting).length - 1).toBeGreaterThanOrEqual(slots);
          schedule = next;
        }
      }),
    );
  });
});
