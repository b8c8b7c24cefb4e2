/**
 * What operators do with tenants, keys, plans and prices. Reached only by invoking the admin function with the operator's AWS
 * credentials: there is no admin route on the public API to attack. What changes a tenant stands in that tenant's audit log.
 */
import { epochS } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import { auditId } from '../../stores/audit-log.ts';
import type { AdminCommand } from './command.ts';
import type { AdminContext } from './context.ts';
import { createKey, listKeys, revokeKey, rotateKey } from './keys.ts';
import { deletePlan, listPlans, listPrices, putPlan, setPrices } from './plans.ts';
import { changeTenant, createTenant, deleteTenant, listTenants, setPlan, usageOf } from './tenants.ts';

/** Carries out one command. @returns one JSON object; a key's secret stands in `api_key`, this once */
export async function administer(command: AdminCommand, context: AdminContext): Promise<object> {
  if (!('tenant_id' in command) || READING.has(command.command)) return run(command, context);
  const log = context.stores(command.tenant_id).catalog.audit;
  const exists = (await context.tenants.profiles.get(command.tenant_id)) !== undefined;
  // A tenant that is not there has no log, unless it is made now.
  if (!exists && command.command !== 'create') return run(command, context);
  const fact = { actor: 'operator', action: command.command, target: command.tenant_id };
  const of = auditId(await log.append({ ...fact, outcome: 'started' }, epochS(context.clock)));
  try {
    const result = await run(command, context);
    // A tenant that is deleted takes its log along.
    if (command.command !== 'delete') await log.append({ ...fact, outcome: 'succeeded', of }, epochS(context.clock));
    return result;
  } catch (error) {
    const outcome = error instanceof ServiceError ? error.code : 'internal';
    await log.append({ ...fact, outcome, of }, epochS(context.clock));
    throw error;
  }
}

const READING: ReadonlySet<AdminCommand['command']> = new Set(['list-keys', 'usage']);

async function run(command: AdminCommand, context: AdminContext): Promise<object> {
  switch (command.command) {
    case 'create':
      return createTenant(command, context);
    case 'list':
      return listTenants(context);
    case 'suspend':
      return changeTenant(command.tenant_id, { status: 'suspended' }, context);
    case 'resume':
      return changeTenant(command.tenant_id, { status: 'active' }, context);
    case 'delete':
      return deleteTenant(command, context);
    case 'set-plan':
      return setPlan(command, context);
    case 'usage':
      return usageOf(command, context);
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
