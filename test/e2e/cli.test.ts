/** npx tenon, run as a tenant does: what stands on stdout, the exit code, and what the service has then. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, describe, expect, it } from '@jest/globals';
import { toIdx } from '../../scripts/digits.ts';
import { GraphBuilder, toModel } from '../../shared/onnx/graph-builder.ts';
import { useTenon } from './tenon.ts';
import jpegs from '../fixtures/jpeg.json';

const tenon = useTenon();
const folder = mkdtempSync(join(tmpdir(), 'tenon-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Not synchronous: the cloud that the command talks to runs in this very process. */
function run(args: readonly string[], options: { input?: string; env?: Record<string, string> } = {}): Promise<Ended> {
  const env = { PATH: process.env['PATH'], HOME: folder, XDG_CONFIG_HOME: join(folder, 'config'), ...options.env };
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [resolve('cli/tenon.mjs'), ...args],
      { cwd: folder, env, timeout: 60_000 },
      (error, stdout, stderr) => done({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
    child.stdin?.end(options.input ?? '');
  });
}

async function json<T>(...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await run(['--json', ...args]);
  if (code !== 0) throw new Error(`tenon ${args.join(' ')}: ${String(code)} ${stdout} ${stderr}`);
  return JSON.parse(stdout) as T;
}

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return name;
}

describe('tenon --version', () => {
  it('says which it is', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

    expect(await run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('login', () => {
  it('is asked for by a command that needs it', async () => {
    const { code, stdout, stderr } = await run(['models', 'list']);

    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('tenon login');
  });

  it('refuses a key that does not work, and saves nothing', async () => {
    const { code, stderr } = await run(['login', tenon.cloud.apiUrl], { input: 'tenon_sk_wrong\n' });

    expect(code).toBe(1);
    expect(stderr).toContain('unauthenticated');
    expect((await run(['whoami'])).code).toBe(2);
  });

  it('saves URL and key for their owner alone', async () => {
    const { code } = await run(['login', tenon.cloud.apiUrl], { input: `${tenon.key('a')}\n` });
    const saved = join(folder, 'config', 'tenon', 'config.json');

    expect(code).toBe(0);
    expect(JSON.parse(readFileSync(saved, 'utf8'))).toEqual({ url: tenon.cloud.apiUrl, api_key: tenon.key('a') });
    expect(statSync(saved).mode & 0o777).toBe(0o600);
  });

  it('gives way to the environment, of which half is refused', async () => {
    const env = { TENON_URL: tenon.cloud.apiUrl, TENON_API_KEY: tenon.key('b') };

    expect(JSON.parse((await run(['--json', 'whoami'], { env })).stdout)).toMatchObject({
      source: 'TENON_URL and TENON_API_KEY',
    });
    expect((await run(['whoami'], { env: { TENON_URL: env.TENON_URL } })).code).toBe(2);
  });
});

/** price = 2 area + 4 rooms. */
const HOUSES = 'area,rooms,price\n50,2,108\n80,3,172\n100,4,216\n120,4,256\n65,2,138\n90,3,192\n';

describe('a table', () => {
  it('is uploaded, trained on and predicted from', async () => {
    const created = await run(['datasets', 'create', file('houses.csv', HOUSES)]);
    const trained = await run([
      ...['train', 'houses', '--name', 'houses', '--task', 'regression', '--family', 'linear_regression'],
      ...['--target', 'price', '--validation', '0'],
    ]);
    const predicted = await run(['predict', 'houses', file('rows.csv', 'price,rooms,area\n,3,70\n,5,200\n')]);
    const piped = await run(['--json', 'predict', 'houses', '-'], { input: '{"area": 70, "rooms": 3}' });

    expect([created.code, trained.code, predicted.code]).toEqual([0, 0, 0]);
    expect(created.stdout).toMatch(/^status +ready$/m);
    expect(trained.stdout).toMatch(/^model +houses:1$/m);
    expect(trained.stdout).toMatch(/^r2 +1$/m);
    expect(
      predicted.stdout
        .trim()
        .split('\n')
        .map((price) => Math.round(Number(price))),
    ).toEqual([152, 420]);
    expect(JSON.parse(piped.stdout)).toMatchObject({ model: 'houses', model_version: 1 });
    expect((JSON.parse(piped.stdout) as { predictions: number[] }).predictions[0]).toBeCloseTo(152, 6);
  });

  it('is predicted row by row, downloaded and deleted', async () => {
    const create = ['batches', 'create', 'houses', 'houses', '--include', 'price', '-o', 'prices.jsonl'];
    const created = await run(create);
    const [{ id }] = (await json<{ data: [{ id: string }] }>('batches', 'list')).data;
    const file = await json<{ sha256: string }>('batches', 'download', id, '-o', 'again.jsonl');
    const deleted = await run(['batches', 'delete', id]);
    const gone = await run(['batches', 'get', id]);

    expect([created.code, deleted.code, gone.code]).toEqual([0, 0, 1]);
    expect(created.stdout).toMatch(/^status +succeeded$/m);
    expect(created.stdout).toMatch(/^rows +\d+: \d+ predicted, 0 failed$/m);
    const text = readFileSync(join(folder, 'prices.jsonl'), 'utf8');
    const rows = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { input: { price: number }; prediction: number });
    expect(rows.length).toBe(HOUSES.trim().split('\n').length - 1);
    for (const { input, prediction } of rows) expect(prediction).toBeCloseTo(input.price, 6);
    expect(createHash('sha256').update(text).digest('hex')).toBe(file.sha256);
  });

  it('says what stands where in data that cannot be read', async () => {
    const { code, stderr } = await run(['datasets', 'create', file('torn.csv', 'a,b\n1,2\n3,4,5\n')]);

    expect(code).toBe(3);
    expect(stderr).toMatch(/row 2/);
  });

  it('is explained, by bars that add up', async () => {
    const { code, stdout } = await run(['explain', 'houses', '--data', '{"area": 100, "rooms": 2}']);

    expect(code).toBe(0);
    expect(stdout).toMatch(/^linear_shap: prediction of price is /);
    expect(stdout).toMatch(/^area .*│█+ .*\+\d/m);
    expect(stdout).toMatch(/^rooms .*█+│ .*-\d/m);
    expect(stdout).toContain('add up');
  });
});

describe('models', () => {
  it('are listed, downloaded whole, described and named', async () => {
    await run(['models', 'alias', 'houses', 'live', '--version', '1']);
    const list = await json<{ data: { name: string; aliases: object }[] }>('models', 'list');
    const artifact = await json<{ file: string; sha256: string }>('models', 'download', 'houses@live');
    const card = await run(['models', 'card', 'houses']);

    expect(list.data).toMatchObject([{ name: 'houses', aliases: { latest: 1, live: 1 } }]);
    const bytes = readFileSync(join(folder, artifact.file));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(artifact.sha256);
    expect(card.stdout).toMatch(/^# houses/);
  });

  it('that do not exist are an error with its code, and as JSON the problem', async () => {
    const people = await run(['predict', 'nothing', '--data', '1']);
    const script = await run(['--json', 'predict', 'nothing', '--data', '1']);

    expect([people.code, people.stdout]).toEqual([1, '']);
    expect(people.stderr).toContain('(not_found)');
    expect(script.code).toBe(1);
    expect(JSON.parse(script.stdout)).toMatchObject({ error: { status: 404, code: 'not_found' } });
  });
});

describe("models of a tenant's own", () => {
  it('are uploaded, checked and then predict; what is refused is a failure that says why', async () => {
    const g = new GraphBuilder();
    g.output(g.add(g.input('x', 'float32', ['batch', 2]), 1), 'y');
    file('plus.onnx', toModel(g));
    file('broken.onnx', 'not a model');

    const version = await json<object>('models', 'upload', 'plus.onnx');
    const predicted = await json<{ predictions: unknown }>('predict', 'plus', '--data', '{"x": [1, 2]}');
    const shown = await run(['models', 'get', 'plus:1']);
    const refused = await run(['models', 'upload', 'broken.onnx', '--name', 'plus']);
    const missing = await run(['models', 'upload', 'nothing.onnx']);

    expect(version).toMatchObject({ id: 'plus:1', status: 'ready', lint: { findings: [] } });
    expect(predicted.predictions).toEqual([[2, 3]]);
    expect(shown.stdout).toMatch(/status +ready/);
    expect([refused.code, refused.stdout]).toEqual([3, '']);
    expect(refused.stderr).toMatch(/plus:2 was refused[^]*file: .*no valid protobuf/);
    expect(missing.code).toBe(2);
  });
});

describe('jobs', () => {
  it('are estimated, listed and tell their events', async () => {
    const job = { task: 'regression', family: 'linear_regression', name: 'houses', target: 'price' };
    const estimate = await json<object>('jobs', 'estimate', 'houses', '--job', file('job.json', JSON.stringify(job)));
    const { data } = await json<{ data: { id: string }[] }>('jobs', 'list');
    const events = await run(['--json', 'jobs', 'events', data[0]!.id, '--follow']);

    expect(estimate).toMatchObject({ object: 'job.estimate', limits_ok: true });
    const told = events.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; data?: object });
    expect(told.at(-1)).toMatchObject({ type: 'status', data: { status: 'succeeded' } });
  });

  it('that the service refuses name the field', async () => {
    const { code, stderr } = await run([
      ...['train', 'houses', '--name', 'houses', '--task', 'regression', '--family', 'linear_regression'],
      ...['--target', 'rent'],
    ]);

    expect(code).toBe(1);
    expect(stderr).toContain('rent');
  });
});

/** Light on the left is 0, on the right 1. */
function picture(label: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: 28 * 28 }, (_, i) => (i % 28 < 14 === (label === 0) ? 200 + ((i * seed) % 56) : 0));
}

/** A grey PNG without filters. Source: https://www.w3.org/TR/png-3/ ; the sums that a reader may pass over are zero. */
function png(grey: Uint8Array): Uint8Array {
  const rows = Array.from({ length: 28 }, (_, y) => Buffer.concat([Buffer.of(0), grey.subarray(y * 28, (y + 1) * 28)]));
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    return Buffer.concat([length, Buffer.from(type), data, Buffer.alloc(4)]);
  };
  const header = Buffer.of(0, 0, 0, 28, 0, 0, 0, 28, 8, 0, 0, 0, 0);
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  const data = deflateSync(Buffer.concat(rows));
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}

describe('pictures', () => {
  it('are learned from IDX files, predicted from PNG and JPEG and explained as a heat map', async () => {
    const labels = Array.from({ length: 64 }, (_, i) => i % 2);
    const idx = toIdx({ images: labels.map((label, i) => picture(label, i + 1)), labels });
    const params = {
      layers: [{ flatten: {} }, { dense: { units: 2, activation: 'softmax' } }],
      epochs: 5,
      batch_size: 8,
    };
    const files = [file('a-labels.idx', idx.labels), file('b-images.idx', idx.images)];
    const created = await run(['datasets', 'create', ...files, '--name', 'sides']);
    const trained = await run([
      ...['train', 'sides', '--name', 'sides', '--task', 'classification', '--family', 'cnn', '--target', 'label'],
      ...['--params', file('params.json', JSON.stringify(params)), '--set', 'epochs=8', '--validation', '0.25'],
    ]);
    const right = file('right.png', png(picture(1, 77)));
    const predicted = await run(['predict', 'sides', right]);
    const inverted = await run(['predict', 'sides', right, '--invert']);
    const photographed = await run(['predict', 'sides', file('right.jpg', Buffer.from(jpegs.right.jpeg, 'base64'))]);
    const damaged = await run(['predict', 'sides', file('damaged.jpg', Buffer.from([0xff, 0xd8, 0xff]))]);
    const explained = await run(['explain', 'sides', right, '--method', 'integrated_gradients']);

    expect(
      [created, trained, predicted, explained].map(({ code, stderr }) => [code, code === 0 ? '' : stderr]),
    ).toEqual(Array.from({ length: 4 }, () => [0, '']));
    expect(trained.stdout).toMatch(/^accuracy +\S+ +1$/m);
    expect(predicted.stdout).toMatch(/^1\n {2}1 {2}0\.\d{4} {2}█/);
    expect(inverted.stdout).toMatch(/^0\n/);
    expect(photographed.stdout).toMatch(/^1\n/);
    expect(damaged.stderr).toMatch(/damaged\.jpg: a damaged JPEG: .*no image/);
    // One line a row of pixels, without colours; the dark half has no part in it.
    const rows = explained.stdout.split('\n').slice(1, 29);
    expect(rows.some((row) => /^ {14}[^ ]/.test(row) || /[x#+]/.test(row.slice(14)))).toBe(true);
    expect(rows.map((row) => row.slice(0, 14).trim())).toEqual(rows.map(() => ''));
  });
});

describe('the account', () => {
  it('has a secret for its webhooks, which is kept until it is rotated', async () => {
    const first = await json<{ secret: string }>('webhook-secret');
    const again = await run(['webhook-secret']);
    const rotated = await json<{ secret: string }>('webhook-secret', '--rotate');

    expect(first.secret).toMatch(/^whsec_/);
    expect(again.stdout.trim()).toBe(first.secret);
    expect(rotated.secret).not.toBe(first.secret);
  });

  it('shows usage and limits', async () => {
    const usage = await json<{ data: { predictions: number }[] }>('usage');
    const limits = await run(['limits']);

    expect(usage.data.reduce((sum, { predictions }) => sum + predictions, 0)).toBeGreaterThanOrEqual(6);
    expect(limits.stdout).toMatch(/^predictions_per_month +\d+ /m);
  });

  it('is erased with the name of the tenant and no other', async () => {
    const refused = await run(['erase', '--confirm', 'tenant-b']);
    const erased = await run(['erase', '--confirm', 'tenant-a']);

    expect([refused.code, erased.code]).toEqual([1, 0]);
    expect(refused.stderr).toContain('/confirm');
    expect(erased.stdout).toMatch(/^datasets +\d/m);
    expect(await json<object>('models', 'list')).toMatchObject({ data: [] });
  });
});
