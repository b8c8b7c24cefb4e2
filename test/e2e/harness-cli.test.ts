/** The command line, run as a user does: what stands on stdout, on stderr, and the exit code. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { harnessAssembly } from '../fixtures/harness-app/assembly.ts';

const CLI = ['--import', 'tsx', resolve('harness/cli.ts'), 'local'];
const folder = mkdtempSync(join(tmpdir(), 'harness-cli-'));
let template: string[] = [];
beforeAll(() => {
  template = ['-t', harnessAssembly(), '--data-dir', join(folder, 'data')];
});

function run(args: readonly string[], options: { input?: string; env?: Record<string, string> } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...CLI, ...args], {
    encoding: 'utf8',
    input: options.input ?? '',
    env: { ...process.env, ...options.env },
  });
  return { status, stdout, stderr };
}

const file = (name: string, content: unknown) => {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
};

describe('invoke', () => {
  test('prints the answer alone on stdout and the log on stderr', () => {
    const { status, stdout, stderr } = run(['invoke', 'Echo', '-e', file('event.json', { a: 1 }), ...template]);

    expect([status, stdout]).toEqual([0, '{"a":1}\n']);
    expect(stderr).toMatch(
      /START RequestId: (.*)\n(.*\n)*END RequestId: (.*)\nREPORT RequestId: .*Duration: .* ms.*Memory Size: 256 MB/,
    );
  });

  test('reads the event from stdin, and has {} without one', () => {
    expect(run(['invoke', 'Echo', '-e', '-', ...template], { input: '{"b":2}' }).stdout).toBe('{"b":2}\n');
    expect(run(['invoke', 'Echo', ...template]).stdout).toBe('{}\n');
  });

  test('runs an isolated function for the tenant given', () => {
    const { stdout } = run(['invoke', 'Isolated', '--tenant-id', 'acme', ...template]);

    expect(JSON.parse(stdout)).toMatchObject({ tenant: 'acme' });
  });

  test('of a handler that throws prints the error and exits 0', () => {
    const { status, stdout } = run(['invoke', 'Faulty', '-e', file('throw.json', { how: 'throw' }), ...template]);

    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      errorType: 'TypeError',
      errorMessage: 'a wrong type',
      trace: expect.any(Array),
    });
  });

  test('of a function that takes too long says so and exits 0', () => {
    const { status, stdout, stderr } = run([
      'invoke',
      'Faulty',
      '-e',
      file('slow.json', { how: 'timeout' }),
      ...template,
    ]);

    expect([status, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(/Function 'Faulty\w+' timed out after 2 seconds/);
  });

  test('takes variables from the file before the shell before the template, and declared ones only', () => {
    const event = file('env.json', { want: 'environment' });
    const vars = file('vars.json', { Echo: { GREETING: 'from the file', OTHER: 'undeclared' } });
    const shell = { GREETING: 'from the shell' };

    expect(JSON.parse(run(['invoke', 'Echo', '-e', event, ...template]).stdout)).toMatchObject({ GREETING: 'hello' });
    expect(JSON.parse(run(['invoke', 'Echo', '-e', event, ...template], { env: shell }).stdout)).toMatchObject({
      GREETING: 'from the shell',
    });
    const both = JSON.parse(
      run(['invoke', 'Echo', '-e', event, '-n', vars, ...template], { env: shell }).stdout,
    ) as Record<string, string>;
    expect(both.GREETING).toBe('from the file');
    expect(both).not.toHaveProperty('OTHER');
  });

  test('writes logs to the file that is given', () => {
    const log = join(folder, 'function.log');
    const { stderr } = run(['invoke', 'Echo', '-l', log, ...template]);

    expect(stderr).not.toContain('START');
    expect(readFileSync(log, 'utf8')).toContain('REPORT RequestId');
  });

  test('runs a durable function to its end under a name', () => {
    const journal = join(folder, 'journal');
    const event = file('durable.json', { plan: 'waits', journal, items: 1 });
    const { stdout, stderr } = run([
      'invoke',
      'Orchestrate',
      '-e',
      event,
      '--durable-execution-name',
      'once',
      ...template,
    ]);

    expect(stdout).toBe('1\n');
    expect(stderr).toMatch(/Durable execution: arn:aws:lambda:.*\$LATEST\/durable-execution\/once\//);
    expect(run(['invoke', 'Orchestrate', '-e', event, '--durable-execution-name', 'once', ...template]).stdout).toBe(
      '1\n',
    );
    expect(readFileSync(journal, 'utf8')).toBe('0\n');
  });

  test.each([
    [
      'no function where there are several',
      [],
      /^Error: You must provide a function logical ID when there are more than one functions in your template\. Possible options in your template: \['Echo/,
    ],
    ['an unknown function', ['Nope'], /^Error: Function Nope not found in template$/m],
    ['a missing event file', ['Echo', '-e', 'nowhere.json'], /^Error: Could not open file: nowhere\.json/],
    ['a missing tenant', ['Isolated'], /Error: .*tenancy configuration/],
  ])('with %s exits 1 and says what is wrong', (_title, args, message) => {
    const { status, stdout, stderr } = run(['invoke', ...args, ...template]);

    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(message);
  });

  test('without a template says where it looked', () => {
    const { status, stderr } = run(['invoke', 'Echo', '-t', join(folder, 'none')]);

    expect([status, stderr]).toEqual([
      1,
      `Error: Template file not found at ${join(folder, 'none')}: run cdk synth first, or name it with --template\n`,
    ]);
  });

  test('with an unknown option exits 2', () => {
    expect(run(['invoke', '--nope']).status).toBe(2);
  });
});

describe('generate-event', () => {
  test('prints an event that invoke takes', () => {
    const { stdout } = run([
      'generate-event',
      'apigateway',
      'aws-proxy',
      '--method',
      'GET',
      '--path',
      '/open',
      '--body',
      'hi',
    ]);
    const answer = run(['invoke', 'Echo', '-e', '-', ...template], { input: stdout });

    expect(JSON.parse(stdout)).toMatchObject({ httpMethod: 'GET', path: '/open', body: 'aGk=', isBase64Encoded: true });
    expect(JSON.parse(answer.stdout)).toMatchObject({ statusCode: 200 });
  });

  test.each([
    [['s3', 'put', '--bucket', 'b', '--key', 'a b/c'], 'Records.0.s3.object.key', 'a+b/c'],
    [['sns', 'notification', '--message', 'm'], 'Records.0.Sns.Message', 'm'],
    [['sqs', 'receive-message', '--body', 'm'], 'Records.0.body', 'm'],
    [['dynamodb', 'update', '--region', 'eu-west-1'], 'Records.1.awsRegion', 'eu-west-1'],
    [['cloudwatch', 'scheduled-event'], 'detail-type', 'Scheduled Event'],
  ])('%j sets %s', (args, path, value) => {
    const event = JSON.parse(run(['generate-event', ...args]).stdout) as unknown;

    expect(path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], event)).toBe(value);
  });
});

/** Starts a command that serves, until its stderr matches; answers the match and a way to end it. */
async function serve(args: readonly string[], ready: RegExp) {
  const child = spawn(process.execPath, [...CLI, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  const found = await new Promise<RegExpExecArray>((resolveMatch, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      const match = ready.exec(stderr);
      if (match) resolveMatch(match);
    });
    child.once('exit', () => reject(new Error(stderr)));
  });
  const stop = () => new Promise<number | null>((ended) => child.once('exit', ended).kill('SIGINT') || ended(null));
  return { url: found[1] ?? '', stderr: () => stderr, stop };
}

test('start-api mounts the routes, serves them and static files, and ends on Ctrl-C', async () => {
  writeFileSync(join(folder, 'page.html'), '<p>hello</p>');
  const api = await serve(
    ['start-api', '-p', '0', '-s', folder, '--disable-authorizer', ...template],
    /Running on (\S+)/,
  );
  const open = await fetch(`${api.url}/open`);
  const unauthorised = await fetch(`${api.url}/items`, { method: 'POST', body: '{}' });
  const page = await fetch(`${api.url}/page.html`);

  expect(api.stderr()).toMatch(/Mounting Echo\w+ at http:\/\/127\.0\.0\.1:\d+\/items\/\{id\} \[GET\]/);
  expect([open.status, unauthorised.status, await page.text()]).toEqual([200, 200, '<p>hello</p>']);
  expect(await api.stop()).toBe(0);
  expect(existsSync(join(folder, 'data', 'lock.json'))).toBe(false);
});

test('start-lambda serves the Invoke API, and execution and callback speak to it', async () => {
  const lambda = await serve(['start-lambda', '-p', '0', ...template], /Running on (\S+)/);
  const port = new URL(lambda.url).port;
  const journal = join(folder, 'callback');
  const started = await fetch(
    `${lambda.url}/2015-03-31/functions/HarnessApi-Orchestrate75C56A0F/invocations?Qualifier=live`,
    {
      method: 'POST',
      body: JSON.stringify({ plan: 'callback', journal }),
      headers: { 'X-Amz-Invocation-Type': 'Event' },
    },
  );
  const arn = started.headers.get('x-amz-durable-execution-arn') ?? '';
  while (!existsSync(journal)) await new Promise((wait) => setTimeout(wait, 50));
  const status = () => (JSON.parse(run(['execution', 'get', arn, '-p', port]).stdout) as { Status: string }).Status;
  const before = status();
  const answered = run(['callback', 'succeed', readFileSync(journal, 'utf8'), '--result', '"yes"', '-p', port]);
  while (status() === 'RUNNING') await new Promise((wait) => setTimeout(wait, 50));
  const history = JSON.parse(run(['execution', 'history', arn, '-p', port]).stdout) as {
    Events: { EventType: string }[];
  };

  expect([before, answered.status, status()]).toEqual(['RUNNING', 0, 'SUCCEEDED']);
  expect(history.Events.map(({ EventType }) => EventType)).toContain('CallbackSucceeded');
  expect(await lambda.stop()).toBe(0);
});
