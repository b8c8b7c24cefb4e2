/**
 * What stands in the examples' paths. `/v1/models/{name}/versions/{version}` has the slots `models/{name}` and
 * `versions/{version}`; a route that names something new does not compile without an example of it.
 */
import type { ROUTES } from '../../contract.ts';

type LastPart<S extends string> = S extends `${string}/${infer Rest}` ? LastPart<Rest> : S;
type SlotsOf<Path extends string> = Path extends `${infer Head}/{${infer Name}}${infer Rest}`
  ? `${LastPart<Head>}/{${Name}}` | SlotsOf<Rest>
  : never;

export type Slot = SlotsOf<(typeof ROUTES)[number]['path']>;

const SLOT = /([^/]+)\/\{(\w+)\}/g;

const EXAMPLES: Readonly<Record<Slot, string>> = {
  'datasets/{id}': 'ds_01j9z3k4m5n6p7q8r9s0t1v2w3',
  'jobs/{id}': 'job_01j9z3k4m5n6p7q8r9s0t1v2w3',
  'batches/{id}': 'batch_01j9z3k4m5n6p7q8r9s0t1v2w3',
  'models/{name}': 'flowers',
  'models/{ref}': 'flowers',
  'mlflow/{ref}': 'flowers',
  'endpoints/{ref}': 'flowers',
  'versions/{version}': '1',
  'aliases/{alias}': 'live',
};

/** The examples of a path's parameters, by name. */
export function pathExamples(path: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...path.matchAll(SLOT)].map(([slot, , name = '']): [string, string] => [name, EXAMPLES[slot as Slot]]),
  );
}
