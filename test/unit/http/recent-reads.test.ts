/** What was read a moment ago: how old it may be, and who waits for it to be read again. */
import { expect, it } from '@jest/globals';
import { UNAWAITED } from '../../../shared/afterwards.ts';
import { RecentReads } from '../../../shared/http/inference/recent-reads.ts';
import { TestClock } from '../../conformance/stores/dynamo.ts';

/** A source whose answers come when they are let through. */
function source() {
  const asked: PromiseWithResolvers<number>[] = [];
  const read = (): Promise<number> => {
    const answer = Promise.withResolvers<number>();
    asked.push(answer);
    return answer.promise;
  };
  return { asked, read };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

it('half as old as it may be, it is answered at once and read again beside the answer, once', async () => {
  const clock = new TestClock(0);
  const reads = new RecentReads<number>({ clock, afterwards: UNAWAITED }, 5_000);
  await reads.get('a', () => Promise.resolve(1));
  const { asked, read } = source();

  clock.advance(2_499);
  const young = await reads.get('a', read);
  clock.advance(1);
  const old = await Promise.all([reads.get('a', read), reads.get('a', read)]);
  asked[0]!.resolve(2);
  await settled();
  const fresh = await reads.get('a', read);

  expect([young, ...old, fresh]).toEqual([1, 1, 1, 2]);
  expect(asked).toHaveLength(1);
});

it('what is older than it may be is waited for, also where an answer was on its way for that long', async () => {
  const clock = new TestClock(0);
  const reads = new RecentReads<number>({ clock, afterwards: UNAWAITED }, 5_000);
  await reads.get('a', () => Promise.resolve(1));
  const { asked, read } = source();
  clock.advance(4_000);
  await reads.get('a', read);

  // The environment was frozen: what was asked a minute ago says nothing of now.
  clock.advance(60_000);
  asked[0]!.resolve(2);
  await settled();
  const answer = reads.get('a', read);
  asked[1]!.resolve(3);

  expect(await answer).toBe(3);
});

it('what cannot be read again is asked for by the next call, and is told', async () => {
  const clock = new TestClock(0);
  const reads = new RecentReads<number>({ clock, afterwards: UNAWAITED }, 5_000);
  await reads.get('a', () => Promise.resolve(1));
  const gone = () => Promise.reject(new Error('it is gone'));

  clock.advance(3_000);
  const last = await reads.get('a', gone);
  await settled();

  expect(last).toBe(1);
  await expect(reads.get('a', gone)).rejects.toThrow('it is gone');
});

it('where the environment is kept awake it is read again behind the answer', async () => {
  const clock = new TestClock(0);
  const behind: (() => Promise<unknown>)[] = [];
  const afterwards = { isAwaited: true, do: (work: () => Promise<unknown>) => behind.push(work) };
  const reads = new RecentReads<number>({ clock, afterwards }, 5_000);
  await reads.get('a', () => Promise.resolve(1));
  const { asked, read } = source();

  clock.advance(3_000);
  const answer = await reads.get('a', read);
  const askedBefore = asked.length;
  const done = behind[0]!();
  asked[0]!.resolve(2);
  await done;
  clock.advance(4_000);

  expect([answer, askedBefore, behind.length]).toEqual([1, 0, 1]);
  expect(await reads.get('a', read)).toBe(2);
});
