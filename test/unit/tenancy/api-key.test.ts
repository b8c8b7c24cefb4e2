import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { hashSecret, keyProblem, newSecret, secretOfHeaders } from '../../../shared/tenancy/api-key.ts';
import { fromContext, toContext } from '../../../shared/tenancy/caller.ts';
import { authorize } from '../../../shared/tenancy/authorize.ts';
import type { Credentials } from '../../../shared/tenancy/authorize.ts';
import { PLANS } from '../../../shared/tenancy/plan.ts';
import { pricesAtCost } from '../../../shared/tenancy/price.ts';
import type { Tenant } from '../../../shared/tenancy/tenant.ts';

const key = { key_id: 'key_1', tenant_id: 'acme', created_at: 0 };
const limits = { ...PLANS.free, models: 3 };
const prices = pricesAtCost(0.5);
const tenant: Tenant = { tenant_id: 'acme', name: 'Acme', plan: 'standard', status: 'active', created_at: 0 };

describe('API keys', () => {
  it('are 256 random bits, never the same twice, behind a known prefix', () => {
    const [a, b] = [newSecret(), newSecret()];

    expect(a).not.toBe(b);
    expect(Buffer.from(a.slice('tenon_sk_'.length), 'base64url')).toHaveLength(32);
  });

  it('are looked up by their SHA-256', () => {
    expect(hashSecret('tenon_sk_x')).toBe(createHash('sha256').update('tenon_sk_x').digest('hex'));
  });

  it('are read from either header, whatever its case', () => {
    const secret = newSecret();

    expect(secretOfHeaders({ Authorization: `Bearer ${secret}` })).toBe(secret);
    expect(secretOfHeaders({ AUTHORIZATION: `bearer  ${secret}` })).toBe(secret);
    expect(secretOfHeaders({ 'X-Api-Key': secret })).toBe(secret);
  });

  it.each([{}, { authorization: 'Basic abc' }, { 'x-api-key': 'sk-other' }, { 'x-api-key': `${newSecret()}x` }])(
    'are not found in %j',
    (headers) => {
      expect(secretOfHeaders(headers)).toBeUndefined();
    },
  );

  it('expire at their time and not a second earlier', () => {
    expect(keyProblem({ ...key, expires_at: 100 }, 99)).toBeUndefined();
    expect(keyProblem({ ...key, expires_at: 100 }, 100)).toBe('expired');
    expect(keyProblem({ ...key, revoked_at: 1 }, 2)).toBe('revoked');
  });
});

describe('authorize', () => {
  const secret = newSecret();
  const credentials = (found: Partial<Record<'key' | 'tenant', unknown>>): Credentials => ({
    keyBySecret: async (hash) => (hash === hashSecret(secret) ? (found.key as typeof key | undefined) : undefined),
    tenant: async (id) => (id === 'acme' ? (found.tenant as Tenant | undefined) : undefined),
    limits: async () => limits,
    prices: async () => prices,
  });
  const headers = { 'x-api-key': secret };

  it("gives a good key's tenant, key, plan with its limits, and prices", async () => {
    const decision = await authorize(headers, credentials({ key: { ...key, expires_at: 99 }, tenant }), 50);

    const caller = { tenantId: 'acme', keyId: 'key_1', plan: 'standard', limits, prices };
    expect(decision).toEqual({ kind: 'allow', caller, expiresAtS: 99 });
    expect(fromContext(toContext(caller))).toEqual(caller);
  });

  it.each([
    ['no key', {}, { key, tenant }],
    ['an unknown key', { 'x-api-key': newSecret() }, { key, tenant }],
    ['a revoked key', headers, { key: { ...key, revoked_at: 10 }, tenant }],
    ['an expired key', headers, { key: { ...key, expires_at: 50 }, tenant }],
    ['a key of a tenant that is gone', headers, { key }],
  ])('refuses %s', async (_, sent, found) => {
    const decision = await authorize(sent, credentials(found), 50);

    expect(decision.kind).toBe('unauthenticated');
  });

  it('tells a suspended tenant apart', async () => {
    const decision = await authorize(headers, credentials({ key, tenant: { ...tenant, status: 'suspended' } }), 50);

    expect(decision.kind).toBe('suspended');
  });
});
