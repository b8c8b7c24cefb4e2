/**
 * Generated orchestrations, run by the harness and by AWS's own testing package (LocalDurableTestRunner): the result, the
 * end state of every operation and the events of its history are the same. Operation ids are the SDK's, so they can be
 * compared one by one. Left out of the comparison: times, and how many invocations it took.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { GetDurableExecutionHistoryCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Event } from '@aws-sdk/client-lambda';
import { LocalDurableTestRunner } from '@aws/durable-execution-sdk-js-testing';
import fc from 'fast-check';
import { physicalName, useCloud } from '../../fixtures/harness-app/cloud.ts';
import type { Node } from '../../fixtures/harness-app/functions/generated.ts';
import { newFolder, orchestrations, runByOracle } from './generate.ts';

const app = useCloud({ maxEnvironments: 8 });
// More, and others: DURABLE_ORCHESTRATIONS=60 DURABLE_SEED=1 npx jest test/conformance/durable
const ORCHESTRATIONS = Number(process.env.DURABLE_ORCHESTRATIONS ?? '10');
const SEED = Number(process.env.DURABLE_SEED ?? '20261123');

beforeAll(async () => LocalDurableTestRunner.setupTestEnvironment({ skipTime: true }));
afterAll(async () => LocalDurableTestRunner.teardownTestEnvironment());

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
  const cases = fc.sample(orchestrations({ mostFailures: 2 }), { numRuns: ORCHESTRATIONS, seed: SEED });
  const expected: Outcome[] = [];
  for (const nodes of cases) {
    const outcome = await runByOracle(nodes, worker);
    expected.push({ result: outcome.getResult() as unknown, operations: byOperation(outcome.getHistoryEvents()) });
  }

  const actual = await Promise.all(cases.map((nodes) => runByHarness(nodes, worker)));

  for (const [index, nodes] of cases.entries()) {
    expect({ nodes, ...actual[index] }).toEqual({ nodes, ...expected[index] });
  }
}, 600_000);
