/**
 * What operators do with tenants, keys, plans and prices. Reached only by invoking the admin function with the operator's AWS
 * credentials: there is no admin route on the public API to attack.
 */
import type { AdminCommand } from './command.ts';
import type { AdminContext } from './context.ts';
import { createKey, listKeys, revokeKey, rotateKey } from './keys.ts';
import { deletePlan, listPlans, listPrices, putPlan, setPrices } from './plans.ts';
import { changeTenant, createTenant, listTenants, setPlan } from './tenants.ts';

/** Carries out one command. @returns one JSON object; a key's secret stands in `api_key`, this once */
export async function administer(command: AdminCommand, context: AdminContext): Promise<object> {
  switch (command.command) {
    case 'create':
      return createTenant(command, context);
    case 'list':
      return listTenants(context);
    case 'suspend':
      return changeTenant(command.tenant_id, { status: 'suspended' }, context);
    case 'resume':
      return changeTenant(command.tenant_id, { status: 'active' }, context);
    case 'set-plan':
      return setPlan(command, context);
    case 'create-key':
      return createKey(command.tenant_id, context, { days: command.expires_in_days });
    case 'list-keys':
      return listKeys(command.tenant_id, context);
    case 'revoke-key':
      return revokeKey(command, context);
    case 'rotate-key':
      return rotateKey(command, context);
    case 'put-plan':
      return putPlan(command, context);
    case 'list-plans':
      return listPlans(context);
    case 'delete-plan':
      return deletePlan(command, context);
    case 'set-prices':
      return setPrices(command, context);
    case 'list-prices':
      return listPrices(context);
  }
}
