/** The simulation of the scheduler: that its audit finds what is wrong, that its ideal is the one in the books, and that runs of it hold. */
import { describe, expect, it } from '@jest/globals';
import { breaches } from '../../../bench/schedule/audit.ts';
import { fluidEnds } from '../../../bench/schedule/fluid.ts';
import type { Job } from '../../../bench/schedule/jobs.ts';
import { simulate } from '../../../bench/schedule/simulation.ts';
import type { Attempt } from '../../../bench/schedule/simulation.ts';
import { Random } from '../../../shared/tensor/random.ts';

const SEGMENT_MS = 100;
const job = (id: string, tenant: string, workMs: number, submittedMs = 0): Job => ({ id, tenant, workMs, submittedMs });
const attempt = (id: string, segment: number, fromMs: number, toMs: number, isDone = true): Attempt => {
  return { job: id, segment, fromMs, toMs, isDone };
};

describe('the audit', () => {
  const jobs = [job('a', 'x', 150), job('b', 'y', 100, 40)];
  const [first, died, second] = [attempt('a', 0, 0, 100), attempt('a', 1, 100, 110, false), attempt('a', 1, 110, 160)];
  const other = attempt('b', 0, 50, 150);
  const audit = (attempts: Attempt[], slots = 2) =>
    breaches(jobs, attempts, { slots, segmentMs: SEGMENT_MS }).join('; ');

  it('finds nothing where every segment was done once, in order', () => {
    expect(audit([first, died, second, other])).toBe('');
  });

  it.each<[string, Attempt[], string]>([
    ['a job that was lost', [first, died, second], 'b did the segments , expected 0'],
    ['a segment that was lost', [first, died, other], 'a did the segments 0, expected 0,1'],
    ['one done twice', [first, second, attempt('a', 1, 160, 210), other], 'a did the segments 0,1,1, expected 0,1'],
    ['one out of order', [attempt('a', 1, 0, 50), attempt('a', 0, 50, 150), other], 'a did the segments 1,0'],
    ['two at once', [first, attempt('a', 1, 90, 140), other], 'a ran two attempts at once at 90 ms'],
    ['one cut short', [first, attempt('a', 1, 110, 150), other], 'a trained 140 ms, expected 150 ms'],
    ['one before its time', [first, second, attempt('b', 0, 30, 130)], 'b ran before it was there'],
    ['one of nobody', [first, second, other, attempt('c', 0, 300, 400)], 'c is no job'],
  ])('finds %s', (_, attempts, words) => {
    expect(audit(attempts)).toContain(words);
  });

  it('finds more attempts than slots', () => {
    expect(audit([first, second, other], 1)).toBe('2 attempts ran at 50 ms, and there are 1 slots');
  });
});

describe('the ideal', () => {
  it('divides one slot between tenants, and then between the jobs of one', () => {
    const jobs = [job('a1', 'a', 60), job('a2', 'a', 60), job('b1', 'b', 60)];

    // b has half of the slot until 120 ms; a1 and a2 have a quarter each until then, and a half after.
    expect(Object.fromEntries(fluidEnds(jobs, 1))).toEqual({ b1: 120, a1: 180, a2: 180 });
  });

  it('gives nobody more than a slot a job', () => {
    const jobs = [job('a1', 'a', 60), job('b1', 'b', 60, 20)];

    expect(Object.fromEntries(fluidEnds(jobs, 9))).toEqual({ a1: 60, b1: 80 });
  });
});

describe('runs of the scheduler', () => {
  it.each([1, 2, 3, 4])('lose nothing, whatever dies: seed %i', (seed) => {
    const random = Random.fromSeed(seed);
    const jobs = Array.from({ length: 120 }, (_, i) =>
      job(`job${i}`, `tenant${i % 7}`, 1000 + random.nextBelow(2_000_000), random.nextBelow(600_000)),
    );
    const setting = { slots: 5, leaseMs: 3_000_000, segmentMs: 600_000, crashRate: 0.2 };

    const { attempts } = simulate(jobs, setting, random);

    expect(breaches(jobs, attempts, setting)).toEqual([]);
    expect(attempts.some(({ isDone }) => !isDone)).toBe(true);
  });
});
