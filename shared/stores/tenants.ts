/**
 * Tenants and API keys. A key is found by the hash of its secret (`KEY#<sha256>`); the tenant's own partition lists its keys
 * by id, so that they can be revoked without the secret. Only authorizer, control (read) and admin see this table.
 */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { TENANT_PK_PREFIX } from '../contract.ts';
import type { ApiKeyRecord } from '../tenancy/api-key.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { Collection } from './collection.ts';

/** A key as its tenant's partition lists it: with the hash under which its record is found. */
export interface ListedKey extends ApiKeyRecord {
  readonly secret_hash: string;
}

export class Tenants {
  readonly profiles: Collection<Tenant>;
  readonly #collection: <T extends object>(pk: string, prefix: string) => Collection<T>;

  constructor(dynamo: DynamoDBDocumentClient, table: string) {
    this.#collection = (pk, prefix) => new Collection(dynamo, table, { pk, prefix });
    // One partition for all profiles: operators list them, and there are thousands of tenants, not millions.
    this.profiles = this.#collection('TENANTS', 'TENANT#');
  }

  /** The keys of a tenant, by key id. */
  keys(tenantId: string): Collection<ListedKey> {
    return this.#collection(TENANT_PK_PREFIX + tenantId, 'KEY#');
  }

  async keyBySecret(secretHash: string): Promise<ApiKeyRecord | undefined> {
    return this.#bySecret(secretHash).get('');
  }

  async addKey(key: ListedKey): Promise<void> {
    const { secret_hash: hash, ...record } = key;
    await this.keys(key.tenant_id).put(key.key_id, key);
    await this.#bySecret(hash).put('', record);
  }

  /** @returns false when the tenant has no such key */
  async revokeKey(tenantId: string, keyId: string, revokedAtS: number): Promise<boolean> {
    const key = await this.keys(tenantId).get(keyId);
    if (key === undefined) return false;
    await this.#bySecret(key.secret_hash).patch('', { revoked_at: revokedAtS });
    await this.keys(tenantId).patch(keyId, { revoked_at: revokedAtS });
    return true;
  }

  #bySecret(hash: string): Collection<ApiKeyRecord> {
    return this.#collection(`KEY#${hash}`, 'KEY');
  }
}
