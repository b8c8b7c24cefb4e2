/** A tenant's usage of some days by day, model or key: the report that tenants and operators read. */
import { ServiceError } from '../errors.ts';
import type { UsageRow } from '../resources/usage.ts';
import type { DatedEntry } from '../stores/usage.ts';
import type { TenantStores } from '../stores/tenant-stores.ts';
import { dayOf } from '../stores/usage.ts';
import { fromNanoUsd, pricesAt, toNanoUsd } from '../tenancy/price.ts';
import type { PriceList } from '../tenancy/price.ts';

export interface UsageQuery {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly group_by: 'day' | 'model' | 'key';
}

/** In the place of a model and a key: no model and no key can have this name. */
const STORAGE = '(storage)';
const DAY_S = 86_400;
const MAX_DAYS = 366;

/** @throws {ServiceError} invalid_request for days that are none, or too many */
export async function reportUsage(
  query: UsageQuery,
  { usage, storedBytes }: Pick<TenantStores, 'usage' | 'storedBytes'>,
  { prices, nowMs }: { prices: readonly PriceList[]; nowMs: number },
): Promise<UsageRow[]> {
  const to = query.to ?? dayOf(nowMs);
  const from = query.from ?? `${to.slice(0, 8)}01`;
  const days = (startOf(to, '/to') - startOf(from, '/from')) / DAY_S + 1;
  if (days < 1)
    throw new ServiceError('invalid_request', `"from" (${from}) lies behind "to" (${to})`, { param: '/from' });
  if (days > MAX_DAYS)
    throw new ServiceError('invalid_request', `expected at most ${MAX_DAYS} days, got ${days}`, { param: '/from' });
  const stored = (await storedBytes.gbHours(from, to)).map(({ day, gbHours }) => storage(day, gbHours, prices));
  const used = (await usage.between(from, to)).map((entry) => ({ ...entry, stored_gb_hours: 0 }));
  return grouped([...used, ...stored], query.group_by, [from, to]);
}

function startOf(day: string, param: string): number {
  const ms = Date.parse(`${day}T00:00:00Z`);
  // Date.parse takes the 30th of February for a day in March.
  if (Number.isNaN(ms) || dayOf(ms) !== day)
    throw new ServiceError('invalid_request', `${day} is not a day of the calendar`, { param });
  return ms / 1000;
}

type Entry = DatedEntry & { readonly stored_gb_hours: number };

/** A day's storage, which belongs to no model and no key, at the price that held when the day began. */
function storage(day: string, gbHours: number, prices: readonly PriceList[]): Entry {
  const price = pricesAt(prices, startOf(day, ''));
  return {
    day,
    model: STORAGE,
    key: STORAGE,
    price_version: price.version,
    requests: 0,
    predictions: 0,
    inference_gb_seconds: 0,
    training_gb_seconds: 0,
    stored_gb_hours: gbHours,
    nano_usd: toNanoUsd(gbHours * price.stored_gb_hour_usd),
  };
}

/** Sums the entries by day, or over the whole span by model or key. */
function grouped(
  entries: readonly Entry[],
  by: UsageQuery['group_by'],
  [from, to]: readonly [string, string],
): UsageRow[] {
  const groups = Map.groupBy(entries, (entry) => entry[by]);
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, group]) => {
      const sum = (
        field: 'requests' | 'predictions' | 'training_gb_seconds' | 'stored_gb_hours' | 'nano_usd',
      ): number => group.reduce((total, entry) => total + entry[field], 0);
      return {
        start: startOf(by === 'day' ? name : from, '/from'),
        end: startOf(by === 'day' ? name : to, '/to') + DAY_S,
        ...(by === 'day' ? {} : { [by]: name }),
        requests: sum('requests'),
        predictions: sum('predictions'),
        training_gb_seconds: withoutNoise(sum('training_gb_seconds')),
        stored_gb_hours: withoutNoise(sum('stored_gb_hours')),
        usd: fromNanoUsd(sum('nano_usd')),
      };
    });
}

/** A sum of decimals as it would be without binary fractions: 214.06, and not 214.05999999997. Money is added in whole numbers. */
function withoutNoise(sum: number): number {
  return Number(sum.toPrecision(12));
}
