/** Which environment a call gets, and for what it waits. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { FunctionTarget } from '../../../harness/lambda/functions.ts';
import { EnvironmentPool } from '../../../harness/lambda/pool.ts';
import type { Pooled } from '../../../harness/lambda/pool.ts';

const pools: EnvironmentPool<Pooled>[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

function pool({ maxEnvironments = 10, maxWaitMs = 1000 } = {}): EnvironmentPool<Pooled> {
  const made = new EnvironmentPool<Pooled>({
    maxEnvironments,
    maxWaitMs,
    idleMs: 60_000,
    create: () => ({
      isAlive: true,
      start: async () => undefined,
      end: async () => undefined,
    }),
  });
  pools.push(made);
  return made;
}

const target = (functionName: string, reservedConcurrency?: number) =>
  ({ fn: { functionName, reservedConcurrency }, version: '$LATEST' }) as FunctionTarget;
/** Whoever was woken has had his turn. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a call', () => {
  it('gets the environment that was given back', async () => {
    const under = pool();
    const first = await under.acquire(target('f'), undefined);
    under.release(first);

    expect(await under.acquire(target('f'), undefined)).toBe(first);
  });

  it('waits for the one that has just answered, though others are given back meanwhile', async () => {
    const under = pool();
    const [first, ...others] = [
      await under.acquire(target('f'), undefined),
      await under.acquire(target('g'), undefined),
      await under.acquire(target('h'), undefined),
    ];
    under.markFinishing(first);
    const next = under.acquire(target('f'), undefined);
    for (const other of others) {
      await turn();
      under.release(other);
    }
    await turn();
    under.release(first);

    expect(await next).toBe(first);
    expect(under.size).toBe(3);
  });

  it('does not wait for it for ever', async () => {
    const under = pool();
    const first = await under.acquire(target('f'), undefined);
    under.markFinishing(first);

    expect(await under.acquire(target('f'), undefined)).not.toBe(first);
  });

  it('of another tenant, or while the first still runs, gets one of its own', async () => {
    const under = pool();
    const first = await under.acquire(target('f'), 'acme');
    const beside = await under.acquire(target('f'), 'acme');
    under.release(first);
    const foreign = await under.acquire(target('f'), 'globex');

    expect(new Set([first, beside, foreign]).size).toBe(3);
  });

  it('of a full pool waits for its turn, or is throttled', async () => {
    const under = pool({ maxEnvironments: 1, maxWaitMs: 100 });
    const only = await under.acquire(target('f'), undefined);
    const waits = under.acquire(target('f'), undefined);
    await turn();
    under.release(only);

    expect(await waits).toBe(only);
    await expect(under.acquire(target('f'), undefined)).rejects.toMatchObject({ status: 429 });
  });

  it('past the reserved concurrency is throttled, until the one before has answered', async () => {
    const under = pool();
    const only = await under.acquire(target('f', 1), undefined);

    await expect(under.acquire(target('f', 1), undefined)).rejects.toMatchObject({ status: 429 });
    under.markFinishing(only);
    const next = under.acquire(target('f', 1), undefined);
    under.release(only);
    expect(await next).toBe(only);
  });
});
