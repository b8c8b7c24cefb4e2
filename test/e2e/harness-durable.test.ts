/**
 * Durable functions written with AWS's SDK, run by the harness: what replays, what runs again after a kill of the
 * function and of the harness itself. The journal that each step writes to tells how often it ran.
 */
import { existsSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  GetDurableExecutionCommand,
  GetDurableExecutionHistoryCommand,
  InvokeCommand,
  LambdaClient,
  ListDurableExecutionsByFunctionCommand,
  SendDurableExecutionCallbackSuccessCommand,
  StopDurableExecutionCommand,
} from '@aws-sdk/client-lambda';
import { readCloud } from '../../harness/template/index.ts';
import { harnessAssembly } from '../fixtures/harness-app/assembly.ts';
import { eventually, invokeAt, physicalName, useCloud } from '../fixtures/harness-app/cloud.ts';
import { processesOf, startProcess } from '../fixtures/harness-app/process.ts';
import type { Plan } from '../fixtures/harness-app/functions/orchestrate.ts';

const app = useCloud();
const folder = mkdtempSync(join(tmpdir(), 'harness-journal-'));
let journals = 0;

function newJournal(): string {
  journals += 1;
  return join(folder, String(journals));
}

const linesOf = (journal: string) => (existsSync(journal) ? readFileSync(journal, 'utf8').trim().split('\n') : []);
const client = () =>
  new LambdaClient({ endpoint: app.cloud.awsUrl, region: 'us-east-1', credentials: app.cloud.operatorCredentials });

/** Runs a plan to its end. */
async function orchestrate(plan: Omit<Plan, 'journal'> & { journal?: string }, id = 'Orchestrate') {
  return app.invoke(id, { journal: newJournal(), ...plan }, { qualifier: 'live' });
}

/** Starts a plan and answers the ARN of its execution. */
async function begin(plan: Plan, name?: string): Promise<string> {
  const { headers } = await app.invoke('Orchestrate', plan, {
    qualifier: 'live',
    headers: {
      'x-amz-invocation-type': 'Event',
      ...(name === undefined ? {} : { 'x-amz-durable-execution-name': name }),
    },
  });
  return headers.get('x-amz-durable-execution-arn') ?? '';
}

describe('a durable execution', () => {
  test('runs steps once, retries, waits, invokes for a tenant, and runs branches', async () => {
    const journal = newJournal();
    const { body, headers } = await orchestrate({ plan: 'all', journal });

    expect(body).toEqual({
      first: 20,
      flaky: 'worked',
      invoked: { tenant: 'acme', square: 400 },
      left: 'l',
      right: 'r',
    });
    expect(linesOf(journal)).toEqual(['first', 'flaky', 'flaky']);
    expect(headers.get('x-amz-durable-execution-arn')).toMatch(
      /^arn:aws:lambda:us-east-1:123456789012:function:HarnessApi-Orchestrate\w+:1\/durable-execution\/[0-9a-f-]{36}\/[0-9a-f-]{36}$/,
    );
  });

  test('maps over chained invokes, at most two at once, each for its tenant', async () => {
    const { body } = await orchestrate({ plan: 'map', items: 5, sleepMs: 100 });

    expect(body).toEqual([0, 1, 4, 9, 16]);
  });

  test('goes on after its process was killed in a step: that step runs again, the one before does not', async () => {
    const journal = newJournal();
    const { text } = await orchestrate({ plan: 'killed-once', journal });

    expect(text).toBe('42');
    expect(linesOf(journal)).toEqual(['before', 'during', 'during', 'after']);
  });

  test('asks the retry strategy about a killed step that may run at most once per attempt', async () => {
    const journal = newJournal();
    const { body } = await orchestrate({ plan: 'at-most-once', journal });

    expect(body.value).toBe('survived');
    expect(linesOf(journal)).toEqual(['risky', 'asked StepInterruptedError 1', 'risky']);
  });

  test('reads back state larger than one page, and returns a result larger than an answer may be', async () => {
    const { text } = await orchestrate({ plan: 'large' });

    expect(text).toBe(JSON.stringify('z'.repeat(6_400_000)));
  });

  test('fails with the error of a function it invoked', async () => {
    const { headers, body } = await orchestrate({ plan: 'fail' });

    expect(headers.get('x-amz-function-error')).toBe('Unhandled');
    expect(body).toMatchObject({ errorType: 'InvokeError', errorMessage: 'worker failed for 5' });
  });

  test('fails when its handler throws outside a step', async () => {
    const { body } = await orchestrate({ plan: 'throws' });

    expect(body).toMatchObject({ errorType: 'RangeError', errorMessage: 'outside any step' });
  });

  test('may invoke only what its role may', async () => {
    const { body } = await orchestrate({ plan: 'forbidden' });

    expect(body.errorMessage).toMatch(
      /not authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:us-east-1:123456789012:function:HarnessApi-Echo/,
    );
  });

  test('that crashes every time ends at its own timeout', async () => {
    const journal = newJournal();
    const { body } = await orchestrate({ plan: 'crashes', journal }, 'Brief');

    expect(body).toMatchObject({ errorType: 'ExecutionTimeout', errorMessage: 'Execution timed out after 3 seconds' });
    expect(linesOf(journal).length).toBeGreaterThan(2);
  });

  test('may have 3,000 operations and no more', async () => {
    const { body } = await orchestrate({ plan: 'many', items: 3000 });

    expect(body.errorMessage).toMatch(/limit of 3000 operations/);
  }, 300_000);

  test('waits for a callback and gets its result', async () => {
    const journal = newJournal();
    const arn = await begin({ plan: 'callback', journal });
    await eventually(() => existsSync(journal));

    await client().send(
      new SendDurableExecutionCallbackSuccessCommand({
        CallbackId: readFileSync(journal, 'utf8'),
        Result: Buffer.from('"approved"'),
      }),
    );

    const state = async () => client().send(new GetDurableExecutionCommand({ DurableExecutionArn: arn }));
    await eventually(async () => (await state()).Status !== 'RUNNING');
    expect(await state()).toMatchObject({ Status: 'SUCCEEDED', Version: '1' });
    expect((await state()).Result).toContain('approved');
  });

  test('of the same name and payload is the same one; with another payload it is refused', async () => {
    const plan: Plan = { plan: 'waits', journal: newJournal(), items: 1 };
    const [first, second] = [await begin(plan, 'job-1'), await begin(plan, 'job-1')];
    const other = client().send(
      new InvokeCommand({
        FunctionName: physicalName(app.cloud, 'Orchestrate'),
        Qualifier: 'live',
        DurableExecutionName: 'job-1',
        Payload: JSON.stringify({ ...plan, items: 2 }),
      }),
    );

    expect(first).toBe(second);
    await expect(other).rejects.toMatchObject({ name: 'DurableExecutionAlreadyStartedException' });
  });

  test('can be listed, looked at and stopped', async () => {
    const arn = await begin({ plan: 'waits', journal: newJournal(), waitS: 300 }, 'to-stop');
    const list = async () =>
      client().send(
        new ListDurableExecutionsByFunctionCommand({
          FunctionName: physicalName(app.cloud, 'Orchestrate'),
          DurableExecutionName: 'to-stop',
        }),
      );
    const history = async () =>
      (await client().send(new GetDurableExecutionHistoryCommand({ DurableExecutionArn: arn }))).Events ?? [];
    await eventually(async () => (await history()).some(({ EventType }) => EventType === 'WaitStarted'));

    expect((await list()).DurableExecutions).toMatchObject([{ DurableExecutionArn: arn, Status: 'RUNNING' }]);
    const { StopTimestamp } = await client().send(
      new StopDurableExecutionCommand({ DurableExecutionArn: arn, Error: { ErrorMessage: 'enough' } }),
    );

    expect(StopTimestamp?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect((await list()).DurableExecutions).toMatchObject([{ Status: 'STOPPED' }]);
    expect((await history()).map(({ EventType }) => EventType)).toEqual([
      'ExecutionStarted',
      'StepStarted',
      'StepSucceeded',
      'WaitStarted',
      'InvocationCompleted',
      'ExecutionStopped',
    ]);
  });

  test('must be invoked through a version or an alias', async () => {
    const { status, body } = await app.invoke('Orchestrate', {});

    expect([status, body.Message]).toEqual([400, expect.stringContaining('unqualified ARN')]);
  });
});

describe('killing the harness with SIGKILL', () => {
  const event = (plan: Plan) => JSON.stringify(plan);

  (process.platform === 'linux' ? test : test.skip)(
    'leaves no process, and the next one finishes its executions and queued events',
    async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'harness-killed-'));
      const journal = newJournal();
      const template = { model: readCloud(harnessAssembly()) };
      const name = physicalName(template, 'Orchestrate');
      const first = await startProcess(dataDir);
      const started = await invokeAt(first.lambdaUrl, name, event({ plan: 'waits', journal, items: 4 }), {
        qualifier: 'live',
        headers: { 'x-amz-invocation-type': 'Event', 'x-amz-durable-execution-name': 'long-job' },
      });
      await invokeAt(
        first.lambdaUrl,
        physicalName(template, 'Isolated'),
        { n: 1, sleepMs: 5000 },
        { headers: { 'x-amz-invocation-type': 'Event', 'x-amz-tenant-id': 'acme' } },
      );
      // One that computes without a pause sees nothing of what happens around it.
      const spinning = invokeAt(first.lambdaUrl, physicalName(template, 'Faulty'), { how: 'spin' }).catch(
        () => undefined,
      );
      const faultyLog = join(dataDir, 'logs', `${physicalName(template, 'Faulty')}.log`);
      await eventually(() => linesOf(journal).length >= 2 && linesOf(faultyLog).some((line) => line.includes('spin')));

      const before = processesOf(dataDir).length;
      first.child.kill('SIGKILL');
      await spinning;
      await eventually(() => processesOf(dataDir).length === 0);
      const second = await startProcess(dataDir);
      const arn = encodeURIComponent(started.headers.get('x-amz-durable-execution-arn') ?? '');
      const state = async () =>
        (await (await fetch(`${second.lambdaUrl}/2025-12-01/durable-executions/${arn}`)).json()) as {
          Status: string;
          Result: string;
        };
      await eventually(async () => (await state()).Status !== 'RUNNING');
      await eventually(() => readdirSync(join(dataDir, 'async')).length === 0);

      expect(before).toBeGreaterThanOrEqual(3);
      expect(await state()).toMatchObject({ Status: 'SUCCEEDED', Result: '4' });
      // Only the step that the kill may have interrupted ran twice.
      expect([...new Set(linesOf(journal))]).toEqual(['0', '1', '2', '3']);
      expect(linesOf(journal).length).toBeLessThanOrEqual(5);
      second.child.kill('SIGTERM');
      await new Promise((ended) => second.child.once('exit', ended));
      expect(processesOf(dataDir)).toEqual([]);
    },
  );
});

(process.platform === 'linux' ? test : test.skip)(
  'Ctrl-C in a terminal reaches the harness, not its functions: a chained invoke under way is run again, not failed',
  async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'harness-ctrl-c-'));
    const name = physicalName({ model: readCloud(harnessAssembly()) }, 'Orchestrate');
    const first = await startProcess(dataDir);
    const plan: Plan = { plan: 'map', journal: newJournal(), items: 3, sleepMs: 2000 };
    const started = await invokeAt(first.lambdaUrl, name, plan, {
      qualifier: 'live',
      headers: { 'x-amz-invocation-type': 'Event' },
    });
    await eventually(() => processesOf(dataDir).length >= 3);

    process.kill(-(first.child.pid ?? 0), 'SIGINT');
    const exitCode = await new Promise((ended) => first.child.once('exit', ended));
    const left = processesOf(dataDir);
    const second = await startProcess(dataDir);
    const arn = encodeURIComponent(started.headers.get('x-amz-durable-execution-arn') ?? '');
    const state = async () =>
      (await (await fetch(`${second.lambdaUrl}/2025-12-01/durable-executions/${arn}`)).json()) as { Status: string };
    await eventually(async () => (await state()).Status !== 'RUNNING');

    expect([exitCode, left]).toEqual([0, []]);
    expect(await state()).toMatchObject({ Status: 'SUCCEEDED', Result: '[0,1,4]' });
    second.child.kill('SIGTERM');
    await new Promise((ended) => second.child.once('exit', ended));
  },
);
