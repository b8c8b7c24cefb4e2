/** The jobs that are simulated: many tenants with a few each, some with hundreds. */
import type { Random } from '../../shared/tensor/random.ts';

export const TENANTS = 1000;
export const JOBS = 10_000;
/** More jobs make a tenant a large one. */
export const SMALL = 20;
const LARGE_TENANTS = 10;
const SUBMITTED_MS = 7_200_000;

export interface Job {
  readonly id: string;
  readonly tenant: string;
  readonly submittedMs: number;
  /** Of training. */
  readonly workMs: number;
}

/** Of every tenant one; of the others a tenth is the first tenant's, four tenths are ten tenants', the rest is anyone's. All within two hours. */
export function makeJobs(random: Random): Job[] {
  return Array.from({ length: JOBS }, (_, i) => ({
    // As long as an id is.
    id: `job_${String(i).padStart(26, '0')}`,
    tenant: `tenant-${String(i < TENANTS ? i : drawTenant(random)).padStart(4, '0')}`,
    submittedMs: Math.floor(random.nextDouble() * SUBMITTED_MS),
    // From a minute to hours, most of them short.
    workMs: Math.round(60_000 * Math.exp(4.8 * random.nextDouble() ** 2)),
  }));
}

function drawTenant(random: Random): number {
  const draw = random.nextDouble();
  if (draw < 0.1) return 0;
  return draw < 0.5
    ? 1 + random.nextBelow(LARGE_TENANTS)
    : 1 + LARGE_TENANTS + random.nextBelow(TENANTS - 1 - LARGE_TENANTS);
}

export const segmentsOf = ({ workMs }: Job, segmentMs: number): number => Math.ceil(workMs / segmentMs);
