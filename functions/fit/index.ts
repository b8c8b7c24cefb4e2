/** Trains one time-boxed segment of a job, predicts a stretch of a batch, or checks a model of the tenant's own, with the tenant's own credentials. */
import { join } from 'node:path';
import type { Context } from 'aws-lambda';
import { steadyClock, systemClock } from '../../shared/clock.ts';
import { ENV } from '../../shared/contract.ts';
import { requireEnv } from '../../shared/env.ts';
import { runInSandbox } from '../../shared/runtime/sandbox/run.ts';
import type { Verdict } from '../../shared/runtime/sandbox/verdict.ts';
import { isolatedStores } from '../../shared/stores/isolated-stores.ts';
import { performFit } from '../../shared/workflows/fit-actions.ts';
import type { FitEvent } from '../../shared/workflows/train.ts';
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
  const remainingMs = context.getRemainingTimeInMillis();
  const clock = steadyClock();
  const outcome = await performFit(event, {
    stores,
    clock,
    deadlineMs: clock.nowMs() + Math.min(SEGMENT_MS, remainingMs - MARGIN_MS),
    endsMs: clock.nowMs() + remainingMs,
    threads: lambdaThreads(),
    memoryMb: lambdaMemoryMb(),
    dataBytes: Number(requireEnv(ENV.trainingDataMb)) * 1e6,
    gbSecondUsd: Number(requireEnv(ENV.gbSecondUsd)),
    sandbox,
  });
  const { status = 'done' } = outcome;
  const { action, ...what } = event;
  // The whole of a job that is only estimated is no line of a log.
  const about = 'spec' in what ? {} : what;
  logger.info(action, { ...about, status, seconds: outcome.seconds });
  return outcome;
};

/** Half of the memory for the model's own process: what it holds has to fit into *inference* too. */
const SANDBOX = { seconds: 60, memoryBytes: 1_400_000_000 };

function sandbox(bytes: Uint8Array): Promise<Verdict> {
  return runInSandbox(bytes, { main: join(requireEnv('LAMBDA_TASK_ROOT'), 'sandbox.js'), ...SANDBOX });
}
