/**
 * Plans: how much of what a tenant may use. A plan is data: three are built in, operators store their own (and may store one
 * under a built-in name, which then holds instead). A tenant's record names one; the authorizer tells the functions its limits.
 */

export interface Limits {
  /** Sustained rate and the burst on top of it, in requests. */
  readonly requests_per_second: number;
  readonly burst: number;
  readonly predictions_per_month: number;
  readonly training_seconds_per_month: number;
  readonly jobs_at_once: number;
  readonly stored_bytes: number;
  readonly models: number;
  /** Largest single dataset, as uploaded. */
  readonly dataset_bytes: number;
}

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

export const PLANS = {
  free: {
    requests_per_second: 5,
    burst: 20,
    predictions_per_month: 10_000,
    training_seconds_per_month: 3_600,
    jobs_at_once: 1,
    stored_bytes: GiB,
    models: 10,
    dataset_bytes: 100 * MiB,
  },
  standard: {
    requests_per_second: 50,
    burst: 200,
    predictions_per_month: 5_000_000,
    training_seconds_per_month: 360_000,
    jobs_at_once: 10,
    stored_bytes: 100 * GiB,
    models: 500,
    dataset_bytes: GiB,
  },
  dedicated: {
    requests_per_second: 1_000,
    burst: 2_000,
    predictions_per_month: 1_000_000_000,
    training_seconds_per_month: 36_000_000,
    jobs_at_once: 100,
    stored_bytes: 10_000 * GiB,
    models: 10_000,
    dataset_bytes: 5 * GiB,
  },
} as const satisfies Record<string, Limits>;

/** A plan as the operator stored it. */
export interface Plan {
  readonly name: string;
  readonly limits: Limits;
}

export const PLAN_NAME_PATTERN = /^[a-z][a-z0-9_-]{0,39}$/;

/** The limits of a plan that is built in. @throws {RangeError} for a name that is none */
export function builtInLimits(plan: string): Limits {
  if (!Object.hasOwn(PLANS, plan))
    throw new RangeError(`unknown plan "${plan}": expected one of ${Object.keys(PLANS).join(', ')}`);
  return PLANS[plan as keyof typeof PLANS];
}
