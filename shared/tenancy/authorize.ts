/** From a request's credential to its caller: the decision that the authorizer function answers API Gateway with. */
import type { ApiKeyRecord } from './api-key.ts';
import { hashSecret, keyProblem, secretOfHeaders } from './api-key.ts';
import type { Limits } from './plan.ts';
import type { PriceList } from './price.ts';
import type { Caller, Tenant } from './tenant.ts';

export interface Credentials {
  keyBySecret(secretHash: string): Promise<ApiKeyRecord | undefined>;
  tenant(tenantId: string): Promise<Tenant | undefined>;
  limits(plan: string): Promise<Limits>;
  prices(): Promise<PriceList>;
}

export type Decision =
  /** Until the key expires, where it does. */
  | { readonly kind: 'allow'; readonly caller: Caller; readonly expiresAtS: number | undefined }
  /** The key is good, its tenant may not call now. */
  | { readonly kind: 'suspended' }
  /** No key, or one that is unknown, expired or revoked: callers are not told which. */
  | { readonly kind: 'unauthenticated' };

export async function authorize(
  headers: Readonly<Record<string, string | undefined>>,
  credentials: Credentials,
  nowS: number,
): Promise<Decision> {
  const secret = secretOfHeaders(headers);
  if (secret === undefined) return { kind: 'unauthenticated' };
  const key = await credentials.keyBySecret(hashSecret(secret));
  if (key === undefined || keyProblem(key, nowS) !== undefined) return { kind: 'unauthenticated' };
  const tenant = await credentials.tenant(key.tenant_id);
  if (tenant === undefined) return { kind: 'unauthenticated' };
  if (tenant.status === 'suspended') return { kind: 'suspended' };
  const [limits, prices] = await Promise.all([credentials.limits(tenant.plan), credentials.prices()]);
  const caller = { tenantId: tenant.tenant_id, keyId: key.key_id, plan: tenant.plan, limits, prices };
  return { kind: 'allow', caller, expiresAtS: key.expires_at };
}
