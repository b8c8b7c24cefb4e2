/** What operations work with: one tenant's stores and the functions they start. Made anew per call from the caller. */
import type { Clock } from '../clock.ts';
import { ServiceError } from '../errors.ts';
import type { FunctionInvoker } from '../stores/functions.ts';
import type { TenantStores } from '../stores/tenant-stores.ts';
import type { Limits } from '../tenancy/plan.ts';
import type { PriceList } from '../tenancy/price.ts';
import type { Caller } from '../tenancy/tenant.ts';
import type { ListOptions, Page } from '../stores/collection.ts';
import type { PageQuery } from '../resources/common.ts';

export interface ControlContext {
  readonly stores: (tenantId: string) => TenantStores;
  readonly priceHistory: () => Promise<readonly PriceList[]>;
  readonly functions: FunctionInvoker;
  readonly ingestFunction: string;
  readonly trainFunction: string;
  readonly fit: { readonly functionName: string; readonly memoryMb: number };
  readonly allowLocalWebhooks: boolean;
  readonly clock: Clock;
}

/** The tenant's side of a call. @throws {ServiceError} unauthenticated where a route with a key was reached without */
export function tenantOf<Stores extends object>(
  context: { readonly stores: (tenantId: string) => Stores },
  caller: Caller | undefined,
): Stores & { caller: Caller; limits: Limits } {
  if (caller === undefined) throw new ServiceError('unauthenticated', 'this route needs an API key');
  return { ...context.stores(caller.tenantId), caller, limits: caller.limits };
}

/** A page of records as the API's list. */
export async function listOf<T extends object, V>(
  collection: { list: (options: ListOptions) => Promise<Page<T>> },
  query: PageQuery,
  options: { order: ListOptions['order']; ids: RegExp; idOf: (record: T) => string; show: (record: T) => V },
) {
  if (query.after !== undefined && !options.ids.test(query.after)) {
    throw new ServiceError('invalid_request', `after: expected the last_id of the page before, got "${query.after}"`, {
      param: '/after',
    });
  }
  const page = await collection.list({ limit: query.limit, after: query.after, order: options.order });
  const { shown, ids, isCut } = withinAnswer(page.data, options);
  return {
    object: 'list' as const,
    data: shown,
    has_more: page.hasMore || isCut,
    first_id: ids[0] ?? null,
    last_id: ids.at(-1) ?? null,
  };
}

/** Lambda answers with at most 6 MB, JSON within JSON. */
const MAX_LIST_CHARS = 2_500_000;

/** As many of the records as an answer holds, at least one: the next page begins behind them. */
function withinAnswer<T, V>(
  records: readonly T[],
  { idOf, show }: { idOf: (record: T) => string; show: (record: T) => V },
) {
  const shown: V[] = [];
  const ids: string[] = [];
  let chars = 0;
  for (const record of records) {
    const one = show(record);
    chars += JSON.stringify(one).length;
    if (chars > MAX_LIST_CHARS && shown.length > 0) break;
    shown.push(one);
    ids.push(idOf(record));
  }
  return { shown, ids, isCut: shown.length < records.length };
}

/** The sentence for things that are not the caller's, whether they exist or not. */
export function notFound(kind: string, id: string): ServiceError {
  return new ServiceError('not_found', `there is no ${kind} "${id}": list yours with GET /v1/${kind}s`);
}
