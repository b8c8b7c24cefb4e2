/** The attack suite against the local cloud: it tries every kind on every route and finds nothing; and it does find a hole where there is one. */
import { execFile } from 'node:child_process';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { invokeAdmin } from '../../scripts/admin-client.ts';
import { ATTACK_KINDS } from '../../scripts/attack/kinds/index.ts';
import { attack } from '../../scripts/attack/run.ts';
import type { AttackReport } from '../../scripts/attack/run.ts';
import { TARGETS } from '../../scripts/attack/slots.ts';
import { keyOfTenant } from '../../scripts/local.ts';
import { hashSecret } from '../../shared/tenancy/api-key.ts';
import { PLANS } from '../../shared/tenancy/plan.ts';
import { useTenon } from './tenon.ts';

const tenon = useTenon();

const keys = { a: '', b: '', expired: '', revoked: '', suspended: '' };

beforeAll(async () => {
  const { lambdaUrl } = tenon.cloud;
  const another = async (): Promise<{ api_key: string; key_id: string }> =>
    (await invokeAdmin({ command: 'create-key', tenant_id: 'attacker' }, lambdaUrl)) as never;
  // One job at once: what is tried on POST /v1/jobs is refused in time instead of trained.
  await invokeAdmin(
    { command: 'put-plan', plan: 'attacker', limits: { ...PLANS.dedicated, jobs_at_once: 1 } },
    lambdaUrl,
  );
  keys.a = await keyOfTenant(lambdaUrl, 'victim', 'dedicated');
  keys.b = await keyOfTenant(lambdaUrl, 'attacker', 'attacker');
  const [expired, revoked] = [await another(), await another()];
  await expire(expired.api_key);
  await invokeAdmin({ command: 'revoke-key', tenant_id: 'attacker', key_id: revoked.key_id }, lambdaUrl);
  keys.expired = expired.api_key;
  keys.revoked = revoked.api_key;
  keys.suspended = await keyOfTenant(lambdaUrl, 'suspended', 'free');
  await invokeAdmin({ command: 'suspend', tenant_id: 'suspended' }, lambdaUrl);
});

/** Puts a key's end into the past: the operator's command makes keys that expire in a day at the earliest. */
async function expire(secret: string): Promise<void> {
  const { awsUrl, operatorCredentials, model } = tenon.cloud;
  const client = new DynamoDBClient({ endpoint: awsUrl, region: model.region, credentials: operatorCredentials });
  const table = model.tables.find(({ logicalId }) => logicalId.startsWith('Tenants'))!.name;
  const key = { pk: { S: `KEY#${hashSecret(secret)}` }, sk: { S: 'KEY' } };
  await client.send(
    new UpdateItemCommand({
      TableName: table,
      Key: key,
      UpdateExpression: 'SET expires_at = :past',
      ConditionExpression: 'attribute_exists(pk)',
      ExpressionAttributeValues: { ':past': { N: '1' } },
    }),
  );
  client.destroy();
}

function run(args: readonly string[]): Promise<{ code: number; stdout: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--import', 'tsx', 'scripts/attack.ts', ...args],
      { maxBuffer: 2 ** 26, env: { ...process.env, FORCE_COLOR: '0' } },
      (error, stdout) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout }),
    );
  });
}

describe('npm run attack', () => {
  it('finds no hole, with every kind of attack on every route', async () => {
    // All that there is takes minutes: `npm run attack` tries it. Here two of each kind on each route, other ones each day.
    const seed = Math.floor(Date.now() / 86_400_000);
    const args = ['--url', tenon.cloud.apiUrl, '--key-a', keys.a, '--key-b', keys.b, '--json'];
    const part = ['--sample', '2', '--seed', String(seed)];
    const dead = ['expired', 'revoked', 'suspended'].flatMap((why) => [`--${why}-key`, keys[why as 'expired']]);

    const { code, stdout } = await run([...args, ...part, ...dead]);

    const report = JSON.parse(stdout) as AttackReport;
    expect(report.failures).toEqual([]);
    expect(code).toBe(0);
    expect(report.skipped).toEqual([]);
    expect(Object.keys(report.attempts)).toEqual(ATTACK_KINDS.map(({ name }) => name));
    expect(report.total).toBeGreaterThan(15 * TARGETS.length);
    console.log(`${report.total} attempts of seed ${seed} in ${report.seconds} s`);
  }, 300_000);

  it('says what it needs, and what it cannot try', async () => {
    const wrong = await run(['--url', tenon.cloud.apiUrl, '--key-a', keys.a, '--key-b', keys.a, '--json']);
    const few = await run(
      ['--url', tenon.cloud.apiUrl, '--key-a', keys.a, '--key-b', keys.b, '--json'].concat(['--kind', 'no key']),
    );

    expect(wrong.code).toBe(2);
    expect(wrong.stdout).toContain('same tenant');
    expect(few.code).toBe(0);
    expect(JSON.parse(few.stdout)).toMatchObject({ attempts: { 'no key': expect.any(Number) as unknown } });
  });
});

describe('a service with a hole', () => {
  /** Believes a header that names the tenant: what comes with it is answered as to the victim. */
  const credulous = createServer((incoming, outgoing) => {
    const isVictim = incoming.headers['x-amz-tenant-id'] === 'victim';
    const headers = { ...incoming.headers, ...(isVictim ? { authorization: `Bearer ${keys.a}` } : {}) };
    const { hostname, port } = new URL(tenon.cloud.apiUrl);
    const upstream = forward({ hostname, port, path: incoming.url, method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(upstream);
  });

  beforeAll(() => new Promise<void>((resolve) => void credulous.listen(0, '127.0.0.1', resolve)));
  afterAll(() => {
    credulous.closeAllConnections();
    return new Promise<void>((resolve) => void credulous.close(() => resolve()));
  });

  it('is found out', async () => {
    const url = `http://127.0.0.1:${(credulous.address() as AddressInfo).port}`;

    const { failures } = await attack({ url, keyA: keys.a, keyB: keys.b, kinds: ['forged headers'] });

    expect(failures).toContainEqual({
      kind: 'forged headers',
      attempt: 'GET /v1/models/{name}: X-Amz-Tenant-Id',
      why: expect.stringMatching(/the answer holds the victim's|a refusal was due/) as unknown,
    });
    expect(failures.some(({ attempt }) => attempt.endsWith('cookie'))).toBe(false);
  });
});
