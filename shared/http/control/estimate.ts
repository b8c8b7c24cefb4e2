/** POST /v1/jobs/estimate: what a job would take and whether the limits let it, from its first steps on its own data. */
import { epochS } from '../../clock.ts';
import { ServiceError, isErrorCode } from '../../errors.ts';
import type { JobSpec } from '../../resources/job.ts';
import type { JobError } from '../../resources/training.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import { dayOf } from '../../stores/usage.ts';
import { newId } from '../../tenancy/ids.ts';
import type { Limits } from '../../tenancy/plan.ts';
import { meter, toNanoUsd } from '../../tenancy/price.ts';
import type { Caller } from '../../tenancy/tenant.ts';
import { failure } from '../../workflows/failure.ts';
import { ESTIMATE_S } from '../../workflows/estimate.ts';
import type { EstimateOutcome } from '../../workflows/estimate.ts';
import { plannedTrials, trialParams } from '../../workflows/sweep.ts';
import type { SweepPlan } from '../../workflows/sweep.ts';
import { TrainingSeconds } from '../../workflows/training-seconds.ts';
import { checkWebhookUrl } from '../../workflows/webhook.ts';
import { tenantOf } from '../context.ts';
import type { ControlContext } from '../context.ts';
import type { Call, Reply } from '../operation.ts';
import { checkJob } from './job-checks.ts';
import { trainingUsedUp } from './job-room.ts';

/** Rows in a step that may well take seconds. */
const LARGE_BATCH = 256;

type Timed = EstimateOutcome & { readonly charged_seconds: number };
type Tenant = TenantStores & { caller: Caller; limits: Limits };

export async function estimateJob(
  { caller: from, body: spec }: Call<'estimateJob'>,
  context: ControlContext,
): Promise<Reply<'estimateJob'>> {
  const tenant = tenantOf(context, from);
  if (spec.webhook !== undefined) checkWebhookUrl(spec.webhook.url, context.allowLocalWebhooks);
  const plan = await checkJob(tenant.catalog, spec);
  const timed = await time(oneTraining(spec), tenant, context);
  const { training_seconds: training = 0, publish_seconds: publishing = 0, memory_mb: memoryMb = 0 } = timed;
  const seconds = training * trainings(plan, epochsOf(spec)) + publishing;
  const cost = meter(seconds, context.fit.memoryMb, tenant.caller.prices.training_gb_second_usd);
  const problems = [
    ...(await quotaProblems(seconds, tenant)),
    ...budgetProblems(cost, spec),
    ...(memoryMb > context.fit.memoryMb
      ? [`it needs ${memoryMb} MB, and the function has ${context.fit.memoryMb} MB`]
      : []),
  ];
  const share = Math.round((timed.timed_fraction ?? 1) * 1000) / 10;
  const notes = [
    ...problems,
    `${seconds.toFixed(1)} s: ${(seconds - publishing).toFixed(1)} s of training and ${publishing.toFixed(1)} s until the version is there`,
    `reckoned from the first ${share} % of ${plan === undefined ? 'the training' : 'one trial'}; timing took ${timed.seconds.toFixed(1)} s${chargeNote(timed)}`,
    ...(plan === undefined ? [] : [sweepNote(plan, training * trainings(plan, epochsOf(spec)))]),
  ];
  return {
    body: { object: 'job.estimate', ...cost, memory_mb: memoryMb, limits_ok: problems.length === 0, notes },
  };
}

/** The job, or the first trial of its sweep. */
function oneTraining({ sweep, ...spec }: JobSpec): JobSpec {
  if (sweep === undefined) return spec;
  const [first] = plannedTrials({ seed: spec.seed, sweep });
  return { ...spec, params: trialParams(spec.params, first?.params ?? {}) };
}

async function time(spec: JobSpec, tenant: Tenant, context: ControlContext): Promise<Timed> {
  const { caller, usage, limits } = tenant;
  const id = newId('job', context.clock);
  const nowS = epochS(context.clock);
  const taken = new TrainingSeconds(tenant.trainingSeconds, limits.training_seconds_per_month);
  if (!(await taken.open(`${id}/estimate`, 0))) throw trainingUsedUp(limits, context.clock);
  const outcome = await context.functions
    .call<EstimateOutcome>(context.fit.functionName, caller.tenantId, {
      event: { action: 'estimate', spec },
      timeoutMs: ESTIMATE_S * 1000,
    })
    .catch(async (error: unknown): Promise<EstimateOutcome> => {
      if (error instanceof ServiceError && error.code === 'training_timeout')
        return { seconds: ESTIMATE_S, error: tooSlow(spec) };
      await tenant.trainingSeconds.endJob(id, nowS, () => 0);
      throw error;
    });
  await taken.cover(outcome.seconds);
  const seconds = taken.counted(outcome.seconds);
  const cost = meter(seconds, context.fit.memoryMb, caller.prices.training_gb_second_usd);
  await tenant.trainingSeconds.endJob(id, nowS, () => seconds);
  await usage.recordJob(
    { id, day: dayOf(context.clock.nowMs()) },
    {
      model: spec.name,
      key: caller.keyId,
      price_version: caller.prices.version,
      requests: 0,
      predictions: 0,
      inference_gb_seconds: 0,
      training_gb_seconds: cost.gb_seconds,
      nano_usd: toNanoUsd(cost.usd),
    },
  );
  if (outcome.error === undefined) return { ...outcome, charged_seconds: seconds };
  const { code, message, param, hint } = outcome.error;
  const detail = {
    ...(param === undefined ? {} : { pointer: param }),
    message,
    ...(hint === undefined ? {} : { hint }),
  };
  throw new ServiceError(isErrorCode(code) ? code : 'internal', message, { details: [detail] });
}

/** What is likeliest to make the first steps slow. */
function tooSlow({ params, family }: JobSpec): JobError {
  const message = `reading the data and the first steps of ${family} took longer than ${ESTIMATE_S} s, which are charged`;
  const [param, what] =
    Number(params['batch_size'] ?? 0) > LARGE_BATCH
      ? ['/params/batch_size', 'a smaller batch_size']
      : 'layers' in params
        ? ['/params/layers', 'fewer or smaller layers']
        : ['/dataset', 'fewer rows or features, or a smaller model'];
  const hint = `${what} may be timed; a job needs no estimate: its budget bounds it`;
  return { ...failure('training_timeout', 'prepare', { message }), param, hint };
}

function chargeNote({ seconds, charged_seconds: charged }: Timed): string {
  const isAll = charged >= seconds - 0.05;
  return isAll ? ' and is charged' : `, of which ${charged.toFixed(1)} s are charged: the month had no more`;
}

/** How many whole trainings a sweep amounts to. */
function trainings(plan: SweepPlan | undefined, epochs: number | undefined): number {
  if (plan === undefined) return 1;
  if (epochs === undefined) return plan.trials.length;
  let done = 0;
  return plan.rungs.reduce((sum, { keep, epoch = epochs }) => {
    const share = (keep * (epoch - done)) / epochs;
    done = epoch;
    return sum + share;
  }, 0);
}

function epochsOf({ params }: JobSpec): number | undefined {
  // 10 is what the families take where nothing is said.
  return typeof params['epochs'] === 'number' ? params['epochs'] : 10;
}

/** @param seconds of all trials together */
function sweepNote(plan: SweepPlan, seconds: number): string {
  const count = plan.trials.length;
  if (count === 1) return '1 trial';
  const atOnce = Math.min(plan.max_parallel, count);
  return `${count} trials, up to ${atOnce} side by side: at least ${(seconds / atOnce).toFixed(1)} s on the clock`;
}

async function quotaProblems(seconds: number, { quotas, trainingSeconds, limits, catalog }: Tenant): Promise<string[]> {
  const [used, running, models] = await Promise.all([
    trainingSeconds.used(),
    quotas.runningJobs(),
    catalog.models.count(),
  ]);
  const left = Math.max(0, limits.training_seconds_per_month - used);
  return [
    ...(seconds > left
      ? [`it needs ${Math.ceil(seconds)} of this month's training seconds, and ${Math.floor(left)} are left`]
      : []),
    ...(running.length >= limits.jobs_at_once
      ? [`${running.length} jobs run, as many as the plan allows at once`]
      : []),
    ...(models >= limits.models ? [`there are ${models} models, as many as the plan allows`] : []),
  ];
}

function budgetProblems(cost: { seconds: number; usd: number }, { budget = {} }: JobSpec): string[] {
  const { max_seconds: maxSeconds = Infinity, max_usd: maxUsd = Infinity } = budget;
  return [
    ...(cost.seconds > maxSeconds ? [`its budget of ${maxSeconds} s ends it before it is done`] : []),
    ...(cost.usd > maxUsd ? [`its budget of $${maxUsd} ends it before it is done`] : []),
  ];
}
