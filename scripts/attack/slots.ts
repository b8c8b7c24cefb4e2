/**
 * What stands in a route's path (shared/http/spec/path-examples.ts). Things must fill every slot of the route table, so a
 * route that names something new does not compile without it.
 */
import { ROUTES } from '../../shared/contract.ts';
import type { Route } from '../../shared/contract.ts';
import { SPECS } from '../../shared/http/spec/index.ts';
import type { Slot } from '../../shared/http/spec/path-examples.ts';
import type { OperationSpec } from '../../shared/http/spec/spec.ts';

export type Slots = Readonly<Record<Slot, string>>;

export interface Target {
  readonly route: Route;
  readonly spec: OperationSpec;
  readonly slots: readonly Slot[];
}

const SLOT = /([^/]+)\/(\{\w+\})/g;

/** Every route of the table, with its specification. */
export const TARGETS: readonly Target[] = ROUTES.map((route) => ({
  route,
  spec: SPECS[route.operation],
  slots: [...route.path.matchAll(SLOT)].map(([slot]) => slot as Slot),
}));

/** The route's path with its slots filled, percent-encoded; `raw` parts go in as they are. */
export function pathOf({ route }: Target, slots: Slots, raw: Partial<Slots> = {}): string {
  return route.path.replaceAll(SLOT, (text, collection: string) => {
    const slot = text as Slot;
    return `${collection}/${raw[slot] ?? encodeURIComponent(slots[slot])}`;
  });
}
