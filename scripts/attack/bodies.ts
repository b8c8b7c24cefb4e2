/** Bodies for attacks, made of the specifications' examples: fitted to a tenant's things, or with one value replaced. */
import type { Target } from './slots.ts';
import type { Things } from './things.ts';

/** Where a value stands in a body, and what stands there. */
export interface Leaf {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}

/** The example with the ids of the tenant's things in place of the example's. */
export function exampleFor({ spec }: Target, things: Things): unknown {
  if (spec.body === undefined) return undefined;
  const text = JSON.stringify(spec.example ?? {})
    .replaceAll(/"ds_\w+"/g, JSON.stringify(things.dataset))
    .replaceAll(/"job_\w+"/g, JSON.stringify(things.job));
  return JSON.parse(text) as unknown;
}

/** Every value within a body, the containers too, but not the body itself. */
export function leavesOf(body: unknown, path: Leaf['path'] = []): Leaf[] {
  const inner =
    typeof body === 'object' && body !== null
      ? Object.entries(body).flatMap(([key, value]) =>
          leavesOf(value, [...path, Array.isArray(body) ? Number(key) : key]),
        )
      : [];
  return path.length === 0 ? inner : [{ path, value: body }, ...inner];
}

const HOLE = 'hole-8f2b61';

/** The body as JSON text with `json`, which need not be JSON, at one place. */
export function withValue(body: unknown, path: Leaf['path'], json: string): string {
  const copy = structuredClone(body) as Record<string | number, unknown>;
  let at = copy;
  for (const part of path.slice(0, -1)) at = at[part] as Record<string | number, unknown>;
  at[path.at(-1)!] = HOLE;
  return JSON.stringify(copy).replace(JSON.stringify(HOLE), () => json);
}
