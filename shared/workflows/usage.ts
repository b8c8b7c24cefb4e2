/** A tenant's usage of some days by day, model or key: the report that tenants and operators read. */
import { ServiceError } from '../errors.ts';
import type { UsageRow } from '../resources/usage.ts';
import type { DatedEntry } from '../stores/usage.ts';
import type { TenantStores } from '../stores/tenant-stores.ts';
import { dayOf } from '../stores/usage.ts';
import { fromNanoUsd } from '../tenancy/price.ts';

export interface UsageQuery {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly group_by: 'day' | 'model' | 'key';
}

const DAY_S = 86_400;
const MAX_DAYS = 366;

/** @throws {ServiceError} invalid_request for days that are none, or too many */
export async function reportUsage(
  query: UsageQuery,
  { usage }: Pick<TenantStores, 'usage'>,
  nowMs: number,
): Promise<UsageRow[]> {
  const to = query.to ?? dayOf(nowMs);
  const from = query.from ?? `${to.slice(0, 8)}01`;
  const days = (startOf(to, '/to') - startOf(from, '/from')) / DAY_S + 1;
  if (days < 1)
    throw new ServiceError('invalid_request', `"from" (${from}) lies behind "to" (${to})`, { param: '/from' });
  if (days > MAX_DAYS)
    throw new ServiceError('invalid_request', `expected at most ${MAX_DAYS} days, got ${days}`, { param: '/from' });
  return grouped(await usage.between(from, to), query.group_by, [from, to]);
}

function startOf(day: string, param: string): number {
  const ms = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(ms)) throw new ServiceError('invalid_request', `${day} is not a day of the calendar`, { param });
  return ms / 1000;
}

/** Sums the entries by day, or over the whole span by model or key. */
function grouped(
  entries: readonly DatedEntry[],
  by: UsageQuery['group_by'],
  [from, to]: readonly [string, string],
): UsageRow[] {
  const groups = Map.groupBy(entries, (entry) => entry[by]);
  return [...groups].map(([name, group]) => {
    const sum = (field: 'requests' | 'predictions' | 'training_gb_seconds' | 'nano_usd'): number =>
      group.reduce((total, entry) => total + entry[field], 0);
    return {
      start: startOf(by === 'day' ? name : from, '/from'),
      end: startOf(by === 'day' ? name : to, '/to') + DAY_S,
      ...(by === 'day' ? {} : { [by]: name }),
      requests: sum('requests'),
      predictions: sum('predictions'),
      training_gb_seconds: sum('training_gb_seconds'),
      stored_gb_hours: 0,
      usd: fromNanoUsd(sum('nano_usd')),
    };
  });
}
