/** The test of requests, for the run of every day and for the long one. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findingOf } from './answers.ts';
import { TARGETS, requestsTo } from './requests.ts';
import { Service } from './service.ts';
import { makeThings } from './things.ts';
import type { Things } from './things.ts';

interface Options {
  readonly perOperation: number;
  readonly seed: number;
  /** In ms, of one operation. */
  readonly timeoutMs?: number;
}

/** How often each operation was answered with each status. */
type Statuses = Map<string, Map<number, number>>;

/** @returns what was answered, to be looked at behind these tests */
export function fuzzRequests({ perOperation, seed, timeoutMs = 60_000 }: Options): Statuses {
  const statuses: Statuses = new Map();
  let service: Service;
  let things: Things;
  beforeAll(async () => {
    service = await Service.start();
    things = await makeThings(service);
  });
  afterAll(() => service.stop());

  describe('whatever is sent, the answer is documented and no fault of ours', () => {
    it.each(TARGETS.map((target) => [target.route.operation, target] as const))(
      '%s',
      async (operation, target) => {
        const counts = new Map<number, number>();
        statuses.set(operation, counts);
        const property = fc.asyncProperty(requestsTo(target, things), async (request) => {
          const answer = await service.send(request);

          counts.set(answer.statusCode, (counts.get(answer.statusCode) ?? 0) + 1);
          expect(service.defects.splice(0)).toEqual([]);
          expect(findingOf(target, answer)).toBeUndefined();
        });
        await fc.assert(property, { numRuns: perOperation, seed });
      },
      timeoutMs,
    );
  });
  return statuses;
}
