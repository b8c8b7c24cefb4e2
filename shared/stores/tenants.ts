/**
 * Tenants, API keys, plans and price lists. A key is found by the hash of its secret (`KEY#<sha256>`); the tenant's own
 * partition lists its keys by id, so that they can be revoked without the secret. Only authorizer, control (read) and admin
 * see this table; the authorizer writes nothing in it but the days on which keys were used.
 */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { KEY_USE_PK_PREFIX, TENANT_PK_PREFIX } from '../contract.ts';
import type { ApiKeyRecord } from '../tenancy/api-key.ts';
import { builtInLimits } from '../tenancy/plan.ts';
import type { Limits, Plan } from '../tenancy/plan.ts';
import { pricesAtCost } from '../tenancy/price.ts';
import type { PriceList } from '../tenancy/price.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { Collection } from './collection.ts';

/** A key as its tenant's partition lists it: with the hash under which its record is found. */
export interface ListedKey extends ApiKeyRecord {
  readonly secret_hash: string;
}

const VERSION_DIGITS = 6;
const CURRENT = 'CURRENT';

export class Tenants {
  readonly profiles: Collection<Tenant>;
  readonly plans: Collection<Plan>;
  readonly #prices: Collection<PriceList>;
  readonly #gbSecondUsd: number;
  readonly #collection: <T extends object>(pk: string, prefix: string) => Collection<T>;

  /** @param gbSecondUsd what Lambda costs here: the price as long as the operator has set none */
  constructor(dynamo: DynamoDBDocumentClient, table: string, gbSecondUsd: number) {
    this.#collection = (pk, prefix) => new Collection(dynamo, table, { pk, prefix });
    // One partition for all profiles: operators list them, and there are thousands of tenants, not millions.
    this.profiles = this.#collection('TENANTS', 'TENANT#');
    this.plans = this.#collection('PLANS', 'PLAN#');
    this.#prices = this.#collection('PRICES', 'PRICE#');
    this.#gbSecondUsd = gbSecondUsd;
  }

  /** The keys of a tenant, by key id. */
  keys(tenantId: string): Collection<ListedKey> {
    return this.#collection(TENANT_PK_PREFIX + tenantId, 'KEY#');
  }

  /** The last day (YYYY-MM-DD) that each key of a tenant was used on, by key id. */
  keyUse(tenantId: string): Collection<{ key_id: string; day: string }> {
    return this.#collection(KEY_USE_PK_PREFIX + tenantId, 'KEY#');
  }

  async keyBySecret(secretHash: string): Promise<ApiKeyRecord | undefined> {
    return this.#bySecret(secretHash).get('');
  }

  /** The secret of a key that was made to sign with. */
  async signingSecret(keyId: string): Promise<string | undefined> {
    return (await this.#signing(keyId).get(''))?.secret;
  }

  /** @param secret kept where the key is to check signatures with: such a key cannot be a hash alone */
  async addKey(key: ListedKey, secret?: string): Promise<void> {
    const { secret_hash: hash, ...record } = key;
    if (secret !== undefined) await this.#signing(key.key_id).put('', { secret });
    await this.keys(key.tenant_id).put(key.key_id, key);
    await this.#bySecret(hash).put('', record);
  }

  /** Changes a key under both its names. @returns false when the tenant has no such key */
  async changeKey(
    tenantId: string,
    keyId: string,
    change: Pick<ApiKeyRecord, 'revoked_at' | 'expires_at' | 'rotated_to'>,
  ): Promise<boolean> {
    const key = await this.keys(tenantId).get(keyId);
    if (key === undefined) return false;
    // What the authorizer reads comes first.
    await this.#bySecret(key.secret_hash).patch('', change);
    await this.keys(tenantId).patch(keyId, change);
    if (change.revoked_at !== undefined) await this.#signing(keyId).delete('');
    return true;
  }

  /** Removes a tenant with its keys. Safe to run again. */
  async remove(tenantId: string): Promise<number> {
    const keys = await this.keys(tenantId).list({ limit: 10_000, order: 'ascending' });
    for (const key of keys.data) {
      await this.#bySecret(key.secret_hash).delete('');
      await this.#signing(key.key_id).delete('');
      await this.keyUse(tenantId).delete(key.key_id);
      await this.keys(tenantId).delete(key.key_id);
    }
    await this.profiles.delete(tenantId);
    return keys.data.length;
  }

  /** The limits of a plan: as stored, else as built in. @throws {RangeError} when there is no such plan */
  async limits(plan: string): Promise<Limits> {
    return (await this.plans.get(plan))?.limits ?? builtInLimits(plan);
  }

  /** The price list that holds now. */
  async prices(): Promise<PriceList> {
    return (await this.#prices.get(CURRENT)) ?? pricesAtCost(this.#gbSecondUsd);
  }

  /** Every price list there was, version 0 first. */
  async priceHistory(): Promise<readonly PriceList[]> {
    const { data } = await this.#prices.list({ limit: 10_000, order: 'ascending' });
    const lists = new Map([pricesAtCost(this.#gbSecondUsd), ...data].map((list) => [list.version, list]));
    return [...lists.values()].sort((a, b) => a.version - b.version);
  }

  /** Makes a price list the one that holds from now on. @returns false when another was set at the same time */
  async setPrices(list: PriceList): Promise<boolean> {
    const id = String(list.version).padStart(VERSION_DIGITS, '0');
    if (!(await this.#prices.create(id, list))) return false;
    await this.#prices.put(CURRENT, list);
    return true;
  }

  #signing(keyId: string): Collection<{ secret: string }> {
    return this.#collection(`SIGNING#${keyId}`, 'KEY');
  }

  #bySecret(hash: string): Collection<ApiKeyRecord> {
    return this.#collection(`KEY#${hash}`, 'KEY');
  }
}
