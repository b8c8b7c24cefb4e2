import { describe, expect, it } from '@jest/globals';
import { attempts } from '../../../shared/workflows/attempts.ts';
import type { Exhausted } from '../../../shared/workflows/fit-failed.ts';

/** Tries that die until they are as many as `deaths`; the charges answer in order. */
async function play(deaths: number, charges: (Exhausted | undefined)[] = []) {
  const asked: string[] = [];
  const told = async (name: string) => void asked.push(name);
  const result = attempts<string>('segment-4', {
    async invoke(name) {
      await told(name);
      if (asked.filter((each) => /^segment-4-\d$/.test(each)).length <= deaths) throw new Error('Task timed out');
      return 'done';
    },
    wait: (name, seconds) => told(`${name} ${seconds} s`),
    charge: (name) => told(name).then(() => charges.shift()),
  });
  return { asked, result: await result.catch((error: unknown) => error) };
}

describe('attempts', () => {
  it('charges each one that dies, and tries again after a while', async () => {
    const { asked, result } = await play(2);

    expect(result).toBe('done');
    expect(asked).toEqual([
      ...['segment-4-1', 'segment-4-charge-1', 'segment-4-backoff-1 5 s'],
      ...['segment-4-2', 'segment-4-charge-2', 'segment-4-backoff-2 10 s', 'segment-4-3'],
    ]);
  });

  it('charges the last one too before it gives up', async () => {
    const { asked, result } = await play(3);

    expect(result).toMatchObject({ name: 'FitFailed', exhausted: undefined });
    expect((result as Error).message).toBe('segment-4 failed 3 times, the last time: Task timed out');
    expect(asked.at(-1)).toBe('segment-4-charge-3');
  });

  it.each(['over_budget', 'over_quota'] as const)(
    'end with the one that leaves no room for another: %s',
    async (exhausted) => {
      const { asked, result } = await play(3, [exhausted]);

      expect(result).toMatchObject({ name: 'FitFailed', exhausted, message: 'segment-4 failed once: Task timed out' });
      expect(asked).toEqual(['segment-4-1', 'segment-4-charge-1']);
    },
  );
});
