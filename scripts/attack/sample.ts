/** A part of a kind's attempts for a short run: some on every route, other ones under the next seed. */
import type { Attempt } from './attempt.ts';

export interface Sample {
  /** Attempts of a kind on each route. */
  readonly perRoute: number;
  /** Any whole number of 0 or more; the seeds that follow each other take in turn everything. */
  readonly seed: number;
}

/** Of kinds that are of no route, such as raw bytes: so many times more. */
const WITHOUT_ROUTE = 5;

/** Every route's attempts stay in, `perRoute` of each; the order stays too. */
export function sampled(attempts: Iterable<Attempt>, { perRoute, seed }: Sample): readonly Attempt[] {
  const byRoute = new Map<string, Attempt[]>();
  for (const attempt of attempts) {
    const operation = attempt.target?.route.operation ?? '';
    byRoute.set(operation, [...(byRoute.get(operation) ?? []), attempt]);
  }
  return [...byRoute].flatMap(([operation, all], nth) => {
    const count = Math.min(all.length, operation === '' ? perRoute * WITHOUT_ROUTE : perRoute);
    // Each route begins elsewhere, so that one run tries many tricks, if not all on every route.
    const first = (seed + nth) * count;
    return all.filter((_, i) => (((i - first) % all.length) + all.length) % all.length < count);
  });
}
