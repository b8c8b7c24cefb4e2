/**
 * What operators do with tenants, keys, plans and prices. Reached only by invoking the admin function with the operator's AWS
 * credentials: there is no admin route on the public API to attack. What changes a tenant stands in that tenant's audit log.
 */
import { epochS } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import { auditId } from '../../stores/audit-log.ts';
import type { AdminCommand, CommandOf } from './command.ts';
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

/** A handler for every command: the compiler asks for one. */
const HANDLERS: { [N in AdminCommand['command']]: (command: CommandOf<N>, context: AdminContext) => Promise<object> } =
  {
    create: createTenant,
    list: (_, context) => listTenants(context),
    suspend: ({ tenant_id: id }, context) => changeTenant(id, { status: 'suspended' }, context),
    resume: ({ tenant_id: id }, context) => changeTenant(id, { status: 'active' }, context),
    delete: deleteTenant,
    'set-plan': setPlan,
    usage: usageOf,
    'create-key': ({ tenant_id: id, expires_in_days: days, sigv4 }, context) => createKey(id, context, { days, sigv4 }),
    'list-keys': ({ tenant_id: id }, context) => listKeys(id, context),
    'revoke-key': revokeKey,
    'rotate-key': rotateKey,
    'put-plan': putPlan,
    'list-plans': (_, context) => listPlans(context),
    'delete-plan': deletePlan,
    'set-prices': setPrices,
    'list-prices': (_, context) => listPrices(context),
  };

function run<N extends AdminCommand['command']>(command: CommandOf<N>, context: AdminContext): Promise<object> {
  // A command's name ties it to its handler; TypeScript does not follow a union through the table.
  const handler = HANDLERS[command.command] as (command: CommandOf<N>, context: AdminContext) => Promise<object>;
  return handler(command, context);
}
