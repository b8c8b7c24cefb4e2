/**
 * Generated orchestrations, run by the harness and by AWS's own testing package (LocalDurableTestRunner): the result, the
 * end state of every operation and the events of its history are the same. Operation ids are the SDK's, so they can be
 * compared one by one. Left out of the comparison: times, and how many invocations it took.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { GetDurableExecutionHistoryCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Event } from '@aws-sdk/client-lambda';
import { LocalDurableTestRunner } from '@aws/durable-execution-sdk-js-testing';
import fc from 'fast-check';
import { physicalName, useCloud } from '../../fixtures/harness-app/cloud.ts';
import { handler } from '../../fixtures/harness-app/functions/generated.ts';
import type { Node } from '../../fixtures/harness-app/functions/generated.ts';

const app = useCloud({ maxEnvironments: 8 });
// More, and others: DURABLE_ORCHESTRATIONS=60 DURABLE_SEED=1 npx jest test/conformance/durable
const ORCHESTRATIONS = Number(process.env.DURABLE_ORCHESTRATIONS ?? '10');
const SEED = Number(process.env.DURABLE_SEED ?? '20261123');

beforeAll(async () => LocalDurableTestRunner.setupTestEnvironment({ skipTime: true }));
afterAll(async () => LocalDurableTestRunner.teardownTestEnvironment());

const step = fc.record({
  kind: fc.constant('step' as const),
  value: fc.nat(99),
  failures: fc.nat(2),
  attempts: fc.integer({ min: 1, max: 3 }),
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
const orchestration = fc.array(node, { minLength: 1, maxLength: 4 });

interface Outcome {
  readonly result: unknown;
  /** Operation id -> what its events say, in order. */
  readonly operations: Record<string, readonly string[]>;
}

/** Type, name, subtype, and the result, error or attempt that the event tells. */
function describeEvent(event: Event): string {
  const details = (event as unknown as Record<string, object | undefined>)[`${event.EventType ?? ''}Details`] as
    | {
        Result?: { Payload?: string };
        Error?: { Payload?: { ErrorType?: string; ErrorMessage?: string } };
        RetryDetails?: { NextAttemptDelaySeconds?: number };
      }
    | undefined;
  const error = details?.Error?.Payload;
  // The harness's worker says more (its process, its tenant); its answer is part of the orchestration's result anyway.
  const result = event.EventType === 'ChainedInvokeSucceeded' ? undefined : details?.Result?.Payload;
  return JSON.stringify([
    event.EventType,
    event.Name,
    event.SubType,
    event.ParentId,
    result,
    error && [error.ErrorType, error.ErrorMessage],
    details?.RetryDetails?.NextAttemptDelaySeconds,
  ]);
}

function byOperation(events: readonly Event[]): Record<string, string[]> {
  const operations: Record<string, string[]> = {};
  for (const event of events) {
    if (event.Id === undefined || event.EventType?.startsWith('Execution') === true) continue;
    (operations[event.Id] ??= []).push(describeEvent(event));
  }
  return operations;
}

const newFolder = () => mkdtempSync(join(tmpdir(), 'oracle-'));

async function runByOracle(nodes: readonly Node[], worker: string): Promise<Outcome> {
  const runner = new LocalDurableTestRunner({ handlerFunction: handler });
  runner.registerFunction(worker, async ({ n, fail }: { n: number; fail: boolean }) => {
    if (fail) throw new Error(`worker failed for ${String(n)}`);
    return { square: n * n };
  });
  const outcome = await runner.run({ payload: { nodes, worker, folder: newFolder() } });
  return { result: outcome.getResult() as unknown, operations: byOperation(outcome.getHistoryEvents()) };
}

async function runByHarness(nodes: readonly Node[], worker: string): Promise<Outcome> {
  const { body, headers } = await app.invoke(
    'Generated',
    { nodes, worker, folder: newFolder() },
    { qualifier: 'live' },
  );
  const client = new LambdaClient({
    endpoint: app.cloud.awsUrl,
    region: 'us-east-1',
    credentials: app.cloud.operatorCredentials,
  });
  const arn = headers.get('x-amz-durable-execution-arn') ?? '';
  const history = await client.send(
    new GetDurableExecutionHistoryCommand({ DurableExecutionArn: arn, IncludeExecutionData: true, MaxItems: 1000 }),
  );
  return { result: body, operations: byOperation(history.Events ?? []) };
}

test(`${String(ORCHESTRATIONS)} generated orchestrations end as AWS's testing package says`, async () => {
  const worker = physicalName(app.cloud, 'Isolated');
  const cases = fc.sample(orchestration, { numRuns: ORCHESTRATIONS, seed: SEED });
  const expected: Outcome[] = [];
  for (const nodes of cases) expected.push(await runByOracle(nodes, worker));

  const actual = await Promise.all(cases.map((nodes) => runByHarness(nodes, worker)));

  for (const [index, nodes] of cases.entries()) {
    expect({ nodes, ...actual[index] }).toEqual({ nodes, ...expected[index] });
  }
}, 600_000);
