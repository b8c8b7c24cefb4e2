/** Trains one time-boxed segment of a job, or publishes its last checkpoint, with the tenant's own credentials. */
import type { Context } from 'aws-lambda';
import { steadyClock, systemClock } from '../../shared/clock.ts';
import { ENV } from '../../shared/contract.ts';
import { requireEnv } from '../../shared/env.ts';
import { isolatedStores } from '../../shared/stores/isolated-stores.ts';
import { estimate } from '../../shared/workflows/estimate.ts';
import type { EstimateOutcome } from '../../shared/workflows/estimate.ts';
import { fitSegment } from '../../shared/workflows/fit.ts';
import type { FitContext } from '../../shared/workflows/fit-context.ts';
import { discard, publish } from '../../shared/workflows/publish.ts';
import type { FitEvent, PublishOutcome, SegmentOutcome } from '../../shared/workflows/train.ts';
import { logger } from '../logger.ts';
import { lambdaMemoryMb, lambdaThreads } from '../resources.ts';

const names = {
  catalog: requireEnv(ENV.catalogTable),
  quotas: requireEnv(ENV.quotasTable),
  bucket: requireEnv(ENV.bucket),
};
const storesOf = isolatedStores(names, requireEnv(ENV.tenantRoleArn), systemClock);

const SEGMENT_MS = Number(requireEnv(ENV.segmentSeconds)) * 1000;
/** Left for writing the checkpoint when the invocation's time is shorter than a segment. */
const MARGIN_MS = 60_000;

export const handler = async (event: FitEvent, context: Context): Promise<{ seconds: number }> => {
  const { stores } = storesOf(context.tenantId);
  const budgetMs = Math.min(SEGMENT_MS, context.getRemainingTimeInMillis() - MARGIN_MS);
  const clock = steadyClock();
  const outcome = await perform(event, {
    stores,
    clock,
    deadlineMs: clock.nowMs() + budgetMs,
    threads: lambdaThreads(),
    memoryMb: lambdaMemoryMb(),
    gbSecondUsd: Number(requireEnv(ENV.gbSecondUsd)),
  });
  const status = 'status' in outcome ? outcome.status : 'done';
  const segment = 'segment' in event ? { segment: event.segment } : {};
  const job = 'job' in event ? { job: event.job } : {};
  logger.info(event.action, { ...job, ...segment, status, seconds: outcome.seconds });
  return outcome;
};

function perform(event: FitEvent, context: FitContext): Promise<SegmentOutcome | PublishOutcome | EstimateOutcome> {
  switch (event.action) {
    case 'segment':
      return fitSegment(event, context);
    case 'publish':
      return publish(event, context);
    case 'estimate':
      return estimate(event, context);
    case 'discard':
      return discard(event, context);
  }
}
