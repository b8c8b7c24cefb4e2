/** Plans and price lists: data that the operator writes; what tenants' records and usage name stays readable. */
import { epochS } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import type { Limits, Plan } from '../../tenancy/plan.ts';
import { PLANS } from '../../tenancy/plan.ts';
import type { CommandOf } from './command.ts';
import { listOf } from './context.ts';
import type { AdminContext } from './context.ts';

const MAX_PLANS = 1_000;

/** @throws {ServiceError} invalid_request naming the plans that there are */
export async function planByName(name: string, context: AdminContext): Promise<Plan> {
  const plans = await allPlans(context);
  const plan = plans.find((candidate) => candidate.name === name);
  if (plan !== undefined) return plan;
  throw new ServiceError(
    'invalid_request',
    `there is no plan "${name}": expected one of ${plans.map((known) => known.name).join(', ')}, or make it with put-plan`,
    { param: '/plan' },
  );
}

/** Takes effect on every tenant of the plan within a minute. */
export async function putPlan({ plan, limits }: CommandOf<'put-plan'>, { tenants }: AdminContext): Promise<object> {
  await tenants.plans.put(plan, { name: plan, limits });
  return show({ name: plan, limits });
}

export async function listPlans(context: AdminContext): Promise<object> {
  return listOf((await allPlans(context)).map(show));
}

export async function deletePlan({ plan }: CommandOf<'delete-plan'>, { tenants }: AdminContext): Promise<object> {
  if ((await tenants.plans.get(plan)) === undefined) {
    throw new ServiceError('not_found', `there is no stored plan "${plan}"; built-in plans cannot be deleted`);
  }
  const { data } = await tenants.profiles.list({ limit: 10_000, order: 'ascending' });
  const users = data.filter((tenant) => tenant.plan === plan).map((tenant) => tenant.tenant_id);
  if (users.length > 0 && !Object.hasOwn(PLANS, plan)) {
    throw new ServiceError(
      'conflict',
      `plan "${plan}" is that of ${users.slice(0, 10).join(', ')}: give them another with set-plan first`,
    );
  }
  await tenants.plans.delete(plan);
  return { object: 'plan', plan, deleted: true };
}

/** The next version of the price list, from now on; usage that was already written keeps its own. */
export async function setPrices({ prices }: CommandOf<'set-prices'>, context: AdminContext): Promise<object> {
  const history = await context.tenants.priceHistory();
  const list = { ...prices, version: history.at(-1)!.version + 1, since: epochS(context.clock) };
  if (!(await context.tenants.setPrices(list))) {
    throw new ServiceError('conflict', 'another price list was set at the same time: look at it with list-prices');
  }
  return { object: 'price_list', ...list };
}

export async function listPrices({ tenants }: AdminContext): Promise<object> {
  return listOf((await tenants.priceHistory()).map((list) => ({ object: 'price_list', ...list })));
}

/** Stored plans hold over built-in ones of the same name. */
async function allPlans({ tenants }: AdminContext): Promise<Plan[]> {
  const { data } = await tenants.plans.list({ limit: MAX_PLANS, order: 'ascending' });
  const plans = new Map<string, Limits>([
    ...Object.entries(PLANS),
    ...data.map((plan) => [plan.name, plan.limits] as const),
  ]);
  return [...plans].map(([name, limits]) => ({ name, limits }));
}

function show({ name, limits }: Plan): object {
  return { object: 'plan', plan: name, ...limits };
}
