/** API keys: shown once, several per tenant, with expiry, rotation and revocation. */
import { epochS } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import type { ListedKey } from '../../stores/tenants.ts';
import { hashSecret, keyProblem, newSecret } from '../../tenancy/api-key.ts';
import { newId } from '../../tenancy/ids.ts';
import type { CommandOf } from './command.ts';
import { listOf, tenantById } from './context.ts';
import type { AdminContext } from './context.ts';

const DAY_S = 86_400;
const HOUR_S = 3_600;
/** More keys than any tenant needs at once; old ones are listed too. */
const MAX_KEYS = 1_000;

interface MadeKey {
  readonly object: 'api_key';
  readonly key_id: string;
  readonly tenant_id: string;
  /** The secret, this once. */
  readonly api_key: string;
  readonly expires_at?: number;
}

export async function createKey(
  tenantId: string,
  context: AdminContext,
  options: { days?: number | undefined; sigv4?: boolean | undefined } = {},
): Promise<MadeKey> {
  await tenantById(tenantId, context);
  const secret = newSecret();
  const now = epochS(context.clock);
  const key: ListedKey = {
    key_id: newId('key', context.clock),
    tenant_id: tenantId,
    created_at: now,
    secret_hash: hashSecret(secret),
    ...(options.days === undefined ? {} : { expires_at: now + options.days * DAY_S }),
    ...(options.sigv4 === true ? { sigv4: true } : {}),
  };
  await context.tenants.addKey(key, options.sigv4 === true ? secret : undefined);
  return {
    object: 'api_key',
    key_id: key.key_id,
    tenant_id: tenantId,
    api_key: secret,
    ...(key.expires_at === undefined ? {} : { expires_at: key.expires_at }),
  };
}

/** The keys of a tenant with the last day that each was used on. */
export async function listKeys(tenantId: string, context: AdminContext): Promise<object> {
  await tenantById(tenantId, context);
  const page = { limit: MAX_KEYS, order: 'ascending' } as const;
  const keys = await context.tenants.keys(tenantId).list(page);
  const use = await context.tenants.keyUse(tenantId).list(page);
  const days = new Map(use.data.map(({ key_id: id, day }) => [id, day]));
  const nowS = epochS(context.clock);
  return listOf(
    keys.data.map((key) => ({
      ...withoutHash(key),
      status: keyProblem(key, nowS) ?? 'active',
      last_used_day: days.get(key.key_id) ?? null,
    })),
    keys.hasMore,
  );
}

export async function revokeKey(command: CommandOf<'revoke-key'>, context: AdminContext): Promise<object> {
  const { tenant_id: tenantId, key_id: keyId } = command;
  if (!(await context.tenants.changeKey(tenantId, keyId, { revoked_at: epochS(context.clock) })))
    throw noSuchKey(tenantId, keyId);
  return { object: 'api_key', key_id: keyId, tenant_id: tenantId, revoked: true };
}

/** A new key in the place of an old one, which works on for the grace, so that clients can change over. */
export async function rotateKey(command: CommandOf<'rotate-key'>, context: AdminContext): Promise<object> {
  const { tenant_id: tenantId, key_id: keyId, grace_hours: hours } = command;
  const nowS = epochS(context.clock);
  const old = await context.tenants.keys(tenantId).get(keyId);
  if (old === undefined) throw noSuchKey(tenantId, keyId);
  const problem = keyProblem(old, nowS);
  if (problem !== undefined) {
    throw new ServiceError('conflict', `key ${keyId} is ${problem}: make a new one with create-key`);
  }
  const days = old.expires_at === undefined ? undefined : Math.ceil((old.expires_at - old.created_at) / DAY_S);
  const made = await createKey(tenantId, context, { days, sigv4: old.sigv4 });
  const endsAt = Math.min(nowS + hours * HOUR_S, old.expires_at ?? Infinity);
  await context.tenants.changeKey(tenantId, keyId, {
    rotated_to: made.key_id,
    ...(hours === 0 ? { revoked_at: nowS } : { expires_at: endsAt }),
  });
  return { ...made, rotated_from: keyId, old_key_ends_at: hours === 0 ? nowS : endsAt };
}

function noSuchKey(tenantId: string, keyId: string): ServiceError {
  return new ServiceError('not_found', `tenant ${tenantId} has no key ${keyId}`);
}

function withoutHash({ secret_hash: _, ...key }: ListedKey): Omit<ListedKey, 'secret_hash'> {
  return key;
}
