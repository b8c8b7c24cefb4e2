/**
 * Generated orchestrations on a harness that is killed again and again: their results are those of AWS's testing package,
 * where nothing is ever killed. More: DURABLE_KILLS=50 DURABLE_SEED=1 npx jest test/conformance/durable/kill
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { LocalDurableTestRunner } from '@aws/durable-execution-sdk-js-testing';
import fc from 'fast-check';
import { readCloud } from '../../../harness/template/index.ts';
import { harnessAssembly } from '../../fixtures/harness-app/assembly.ts';
import { eventually, invokeAt, physicalName } from '../../fixtures/harness-app/cloud.ts';
import { processesOf, startProcess } from '../../fixtures/harness-app/process.ts';
import { newFolder, orchestrations, runByOracle } from './generate.ts';

const KILLS = Number(process.env.DURABLE_KILLS ?? '4');
const SEED = Number(process.env.DURABLE_SEED ?? '5');
const ORCHESTRATIONS = 8;

beforeAll(async () => LocalDurableTestRunner.setupTestEnvironment({ skipTime: true }));
afterAll(async () => LocalDurableTestRunner.teardownTestEnvironment());

(process.platform === 'linux' ? test : test.skip)(
  `${String(ORCHESTRATIONS)} orchestrations end the same after ${String(KILLS)} kills of the harness`,
  async () => {
    const template = { model: readCloud(harnessAssembly()) };
    const [name, worker] = [physicalName(template, 'Generated'), physicalName(template, 'Isolated')];
    // Steps that fail would count a run more after a kill; interrupted ones need attempts to spare.
    const cases = fc.sample(orchestrations({ mostFailures: 0, attempts: 3 + KILLS }), {
      numRuns: ORCHESTRATIONS,
      seed: SEED,
    });
    const expected: unknown[] = [];
    for (const nodes of cases) expected.push((await runByOracle(nodes, worker)).getResult());
    const pauses = fc.sample(fc.integer({ min: 200, max: 2000 }), { numRuns: KILLS, seed: SEED });
    const dataDir = mkdtempSync(join(tmpdir(), 'harness-kills-'));

    let cloud = await startProcess(dataDir);
    const arns: string[] = [];
    for (const nodes of cases) {
      const { headers } = await invokeAt(
        cloud.lambdaUrl,
        name,
        { nodes, worker, folder: newFolder() },
        { qualifier: 'live', headers: { 'x-amz-invocation-type': 'Event' } },
      );
      arns.push(headers.get('x-amz-durable-execution-arn') ?? '');
    }
    for (const pauseMs of pauses) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      cloud.child.kill('SIGKILL');
      await eventually(() => processesOf(dataDir).length === 0);
      cloud = await startProcess(dataDir);
    }
    const stateOf = async (arn: string) =>
      (await (await fetch(`${cloud.lambdaUrl}/2025-12-01/durable-executions/${encodeURIComponent(arn)}`)).json()) as {
        Status: string;
        Result?: string;
      };
    await eventually(async () => (await Promise.all(arns.map(stateOf))).every(({ Status }) => Status !== 'RUNNING'));
    const states = await Promise.all(arns.map(stateOf));
    cloud.child.kill('SIGTERM');

    expect(states.map(({ Status }) => Status)).toEqual(cases.map(() => 'SUCCEEDED'));
    for (const [index, nodes] of cases.entries()) {
      expect({ nodes, result: JSON.parse(states[index]?.Result ?? 'null') as unknown }).toEqual({
        nodes,
        result: expected[index],
      });
    }
  },
  900_000,
);
