/** A tenant: the unit of isolation, limits and billing. */
import type { Limits } from './plan.ts';
import type { PriceList } from './price.ts';

export interface Tenant {
  readonly tenant_id: string;
  readonly name: string;
  readonly plan: string;
  readonly status: 'active' | 'suspended';
  readonly created_at: number;
}

/** Who calls: taken from the credential by the authorizer, never from a path, body or client's header. */
export interface Caller {
  readonly tenantId: string;
  readonly keyId: string;
  readonly plan: string;
  readonly limits: Limits;
  readonly prices: PriceList;
}
