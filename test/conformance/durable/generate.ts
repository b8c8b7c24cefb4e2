/** Orchestrations at random, and their results by AWS's own testing package. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalDurableTestRunner } from '@aws/durable-execution-sdk-js-testing';
import type { TestResult } from '@aws/durable-execution-sdk-js-testing';
import fc from 'fast-check';
import { handler } from '../../fixtures/harness-app/functions/generated.ts';
import type { Node } from '../../fixtures/harness-app/functions/generated.ts';

/** `mostFailures` of a step's first attempts fail; a step has 1 to 3 attempts, or `attempts` where that is given. */
export function orchestrations(options: { mostFailures: number; attempts?: number }): fc.Arbitrary<Node[]> {
  const step = fc.record({
    kind: fc.constant('step' as const),
    value: fc.nat(99),
    failures: fc.nat(options.mostFailures),
    attempts: options.attempts === undefined ? fc.integer({ min: 1, max: 3 }) : fc.constant(options.attempts),
    isAtMostOnce: fc.boolean(),
  });
  const leaf: fc.Arbitrary<Node> = fc.oneof(
    step,
    fc.record({ kind: fc.constant('wait' as const) }),
    fc.record({ kind: fc.constant('condition' as const), polls: fc.integer({ min: 1, max: 2 }) }),
    fc.record({ kind: fc.constant('invoke' as const), n: fc.nat(20), fail: fc.boolean() }),
  );
  const { node } = fc.letrec<{ node: Node }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.record({
        kind: fc.constant('child' as const),
        nodes: fc.array(tie('node'), { minLength: 1, maxLength: 3 }),
        isLarge: fc.boolean(),
      }),
      fc.record({
        kind: fc.constant('parallel' as const),
        branches: fc.array(fc.array(tie('node'), { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 3 }),
      }),
      // One item's failure ends a map with an error of its own: items that succeed compare better.
      fc.record({
        kind: fc.constant('map' as const),
        items: fc.array(fc.nat(9), { minLength: 1, maxLength: 4 }),
        node: step.map((one) => ({ ...one, failures: 0 })),
        maxConcurrency: fc.integer({ min: 1, max: 3 }),
      }),
    ),
  }));
  return fc.array(node, { minLength: 1, maxLength: 4 });
}

/** A folder in which the steps of one run count their attempts. */
export const newFolder = (): string => mkdtempSync(join(tmpdir(), 'orchestration-'));

/** Runs an orchestration in AWS's testing package, without waiting for its waits. */
export async function runByOracle(nodes: readonly Node[], worker: string): Promise<TestResult> {
  const runner = new LocalDurableTestRunner({ handlerFunction: handler });
  runner.registerFunction(worker, async ({ n, fail }: { n: number; fail: boolean }) => {
    if (fail) throw new Error(`worker failed for ${String(n)}`);
    return { square: n * n };
  });
  return runner.run({ payload: { nodes, worker, folder: newFolder() } });
}
