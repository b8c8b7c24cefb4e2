/** The operator's commands on a local DynamoDB, and what the authorizer then says of the keys. */
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServiceError } from '../../../shared/errors.ts';
import { CredentialCache } from '../../../shared/stores/credential-cache.ts';
import { tenantStores } from '../../../shared/stores/tenant-stores.ts';
import { Tenants } from '../../../shared/stores/tenants.ts';
import { PLANS } from '../../../shared/tenancy/plan.ts';
import { adminCommandSchema } from '../../../shared/workflows/admin/command.ts';
import { administer } from '../../../shared/workflows/admin/index.ts';
import { BUCKET } from '../sigv4/start-cloud.ts';
import { startStoresCloud, TABLES, TestClock } from './dynamo.ts';
import type { StoresCloud } from './dynamo.ts';

const START_MS = Date.UTC(2026, 10, 23, 12);
const ARM64 = 0.0000133334;

let cloud: StoresCloud;
let tenants: Tenants;
let clock: TestClock;
beforeAll(async () => {
  cloud = await startStoresCloud();
  tenants = new Tenants(cloud.documents(), TABLES.tenants, ARM64);
});
afterAll(() => cloud.stop());
beforeEach(() => {
  clock = new TestClock(START_MS);
});

const run = async (command: object): Promise<Record<string, unknown>> =>
  (await administer(adminCommandSchema.parse(command), { tenants, stores, clock })) as Record<string, unknown>;
const stores = (tenantId: string) =>
  tenantStores(
    { dynamo: cloud.documents(), s3: cloud.s3(), presigner: cloud.s3() },
    { ...TABLES, bucket: BUCKET },
    { tenantId, clock },
  );
const refusal = async (command: object): Promise<ServiceError> => {
  try {
    await run(command);
  } catch (error) {
    return error as ServiceError;
  }
  throw new Error('the command was expected to be refused');
};
const authorizer = () =>
  new CredentialCache(tenants, {
    clock,
    onDefect: (error) => {
      throw error;
    },
  });
const withKey = (answer: Record<string, unknown>) => ({ 'x-api-key': String(answer['api_key']) });

describe('a plan of the operator', () => {
  const limits = { ...PLANS.free, predictions_per_month: 77, requests_per_second: 0.5 };

  it('gives its limits to its tenants, also when it changes', async () => {
    await run({ command: 'put-plan', plan: 'bespoke', limits });
    const made = await run({ command: 'create', tenant_id: 'bespoke-tenant', plan: 'bespoke' });

    const first = await authorizer().decide(withKey(made));
    await run({ command: 'put-plan', plan: 'bespoke', limits: { ...limits, models: 1 } });
    const second = await authorizer().decide(withKey(made));

    expect(first).toMatchObject({ kind: 'allow', caller: { plan: 'bespoke', limits } });
    expect(second).toMatchObject({ caller: { limits: { ...limits, models: 1 } } });
  });

  it('may take the place of a built-in one, and is not deleted under its tenants', async () => {
    await run({ command: 'put-plan', plan: 'dedicated', limits: { ...PLANS.dedicated, models: 12_345 } });
    await run({ command: 'put-plan', plan: 'shortlived', limits });

    const { data } = await run({ command: 'list-plans' });
    const used = await refusal({ command: 'delete-plan', plan: 'bespoke' });
    const gone = await run({ command: 'delete-plan', plan: 'shortlived' });

    expect(data).toContainEqual(expect.objectContaining({ plan: 'dedicated', models: 12_345 }));
    expect([used.code, used.message]).toEqual(['conflict', expect.stringContaining('bespoke-tenant')]);
    expect(gone).toMatchObject({ deleted: true });
  });

  it('has to be there before a tenant can have it', async () => {
    const error = await refusal({ command: 'create', tenant_id: 'nobody', plan: 'gold' });

    expect(error.message).toContain('there is no plan "gold": expected one of free, standard, dedicated');
  });
});

describe('a key', () => {
  it('that is revoked works for at most 60 s more, wherever it was cached', async () => {
    const made = await run({ command: 'create', tenant_id: 'revoked' });
    const warm = authorizer();
    await warm.decide(withKey(made));

    await run({ command: 'revoke-key', tenant_id: 'revoked', key_id: made['key_id'] });
    clock.advance(60_000);

    expect((await warm.decide(withKey(made))).kind).toBe('unauthenticated');
  });

  it('that expires is not kept beyond its time', async () => {
    await run({ command: 'create', tenant_id: 'expiring' });
    const made = await run({ command: 'create-key', tenant_id: 'expiring', expires_in_days: 1 });
    const warm = authorizer();
    clock.advance(86_400_000 - 1000);

    const before = await warm.decide(withKey(made));
    clock.advance(1000);
    const after = await warm.decide(withKey(made));

    expect([before.kind, after.kind]).toEqual(['allow', 'unauthenticated']);
  });

  it('that is rotated works on for its grace, beside the new one', async () => {
    const made = await run({ command: 'create', tenant_id: 'rotated' });
    const rotated = await run({
      command: 'rotate-key',
      tenant_id: 'rotated',
      key_id: made['key_id'],
      grace_hours: 1,
    });
    const kinds = async () => [
      (await authorizer().decide(withKey(made))).kind,
      (await authorizer().decide(withKey(rotated))).kind,
    ];

    const during = await kinds();
    clock.advance(3_600_000);
    const after = await kinds();
    const again = await refusal({ command: 'rotate-key', tenant_id: 'rotated', key_id: made['key_id'] });

    expect(rotated['api_key']).toMatch(/^tenon_sk_/);
    expect(during).toEqual(['allow', 'allow']);
    expect(after).toEqual(['unauthenticated', 'allow']);
    expect(again.message).toContain('is expired');
  });

  it('is listed with the last day it was used on, and never with its secret', async () => {
    const made = await run({ command: 'create', tenant_id: 'listed' });
    const warm = authorizer();
    const days = async () => (await run({ command: 'list-keys', tenant_id: 'listed' }))['data'];

    const unused = await days();
    await warm.decide(withKey(made));
    clock.advance(86_400_000);
    await warm.decide(withKey(made));
    const used = await days();

    expect(unused).toMatchObject([{ key_id: made['key_id'], status: 'active', last_used_day: null }]);
    expect(used).toMatchObject([{ last_used_day: '2026-11-24' }]);
    expect(JSON.stringify(used)).not.toMatch(/tenon_sk_|secret/);
  });
});

describe('price lists', () => {
  const prices = {
    training_gb_second_usd: 0.0001,
    inference_gb_second_usd: 0.0002,
    request_usd: 0.00001,
    prediction_usd: 0.000001,
    stored_gb_hour_usd: 0.0005,
  };

  it('begin at cost, and each that is set is the next version', async () => {
    const made = await run({ command: 'create', tenant_id: 'paying' });
    const atCost = await authorizer().decide(withKey(made));

    const set = await run({ command: 'set-prices', prices });
    const decision = await authorizer().decide(withKey(made));
    const { data } = await run({ command: 'list-prices' });

    expect(atCost).toMatchObject({ caller: { prices: { version: 0, training_gb_second_usd: ARM64 } } });
    expect(set).toEqual({ object: 'price_list', ...prices, version: 1, since: START_MS / 1000 });
    expect(decision).toMatchObject({ caller: { prices: { ...prices, version: 1 } } });
    expect(data).toMatchObject([{ version: 0 }, { version: 1 }]);
  });
});

describe('a tenant that is deleted', () => {
  it('leaves nothing in any table, and its keys do not work', async () => {
    const made = await run({ command: 'create', tenant_id: 'leaving' });
    await run({ command: 'suspend', tenant_id: 'leaving' });

    const wrong = await refusal({ command: 'delete', tenant_id: 'leaving', confirm: 'other' });
    const log = await stores('leaving').catalog.audit.list({ limit: 100, order: 'ascending' });
    const receipt = await run({ command: 'delete', tenant_id: 'leaving', confirm: 'leaving' });

    expect(wrong.code).toBe('invalid_request');
    expect(log.data.map(({ actor, action, outcome }) => [actor, action, outcome])).toEqual([
      ['operator', 'create', 'started'],
      ['operator', 'create', 'succeeded'],
      ['operator', 'suspend', 'started'],
      ['operator', 'suspend', 'succeeded'],
      ['operator', 'delete', 'started'],
      ['operator', 'delete', 'invalid_request'],
    ]);
    expect(receipt).toMatchObject({ status: 'done', tenant_deleted: true, keys_deleted: 1 });
    expect((await authorizer().decide(withKey(made))).kind).toBe('unauthenticated');
    for (const TableName of Object.values(TABLES)) {
      const { Items = [] } = await cloud.documents().send(new ScanCommand({ TableName }));
      expect(Items.filter((item) => JSON.stringify(item).includes('leaving'))).toEqual([]);
    }
  });
});
