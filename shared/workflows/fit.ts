/**
 * What *fit* does for a training: one time-boxed segment of it. A segment is a pure function of its checkpoint, and its
 * manifest is written last: run again after a kill it gives the same bytes, and run again after its manifest was written
 * it answers what it answered.
 */
import type { Clock } from '../clock.ts';
import { epochS } from '../clock.ts';
import type { JobSpec, TrialRecord } from '../resources/job.ts';
import { isIntact } from '../runtime/checkpoint.ts';
import type { TrainingData } from '../runtime/preparation.ts';
import { runSegment } from '../runtime/trainer.ts';
import type { SegmentResult } from '../runtime/trainer.ts';
import { paths } from '../stores/objects.ts';
import type { ObjectStore } from '../stores/objects.ts';
import { failureOf, jobError } from './failure.ts';
import type { FitContext } from './fit-context.ts';
import { metricsOf, openRun, scoreOf } from './run.ts';
import type { Run } from './run.ts';
import { openTable, readTable } from './tables.ts';
import type { FitEvent, SegmentOutcome } from './train.ts';
import { columnsOf } from './train.ts';
import { RunWatch } from './watch.ts';
import { armWatchdog } from './watchdog.ts';

/** Past the budget: for the step that is under way and the checkpoint, which are kept when they are done by then. */
const GRACE_S = 15;

type SegmentEvent = Extract<FitEvent, { action: 'segment' }>;

/** Trains from the last segment's checkpoint until the training is done or the time is over. */
export async function fitSegment(event: SegmentEvent, context: FitContext): Promise<SegmentOutcome> {
  const { stores, clock } = context;
  const done = await stores.objects.get(manifestPath(event));
  if (done !== undefined) return JSON.parse(Buffer.from(done).toString('utf8')) as SegmentOutcome;
  const startedMs = clock.nowMs();
  const before = event.segment === 0 ? {} : { checkpoint: event.segment - 1 };
  const run = await openRun(event, event.segment, context);
  if (run === undefined) return { status: 'cancelled', seconds: 0, ...before };
  const watch = new RunWatch(run, context);
  const seconds = () => (clock.nowMs() - startedMs) / 1000;
  const end = async (outcome: Omit<SegmentOutcome, 'seconds'>, fields: Parameters<Run['patch']>[0] = {}) => {
    const spent = await watch.conclude();
    await conclude(run, outcome, { ...fields, ...spent }, clock);
    await watch.end(spent.usage);
    return { ...outcome, seconds: seconds() };
  };
  const obstacle = await watch.begin(event.segment);
  if (obstacle !== undefined) return end({ status: obstacle, ...before });
  const callOff = armWatchdog(watch.leftS() + GRACE_S, (context.endsMs - clock.nowMs()) / 1000);
  try {
    const result = await train(event, { run, watch, context });
    await stores.objects.put(paths.checkpoint(event, event.segment), result.checkpoint);
    const metrics = metricsOf(result);
    const score = scoreOf(run.job, metrics);
    const outcome = await end(
      {
        status: watch.statusOf(result.status),
        checkpoint: event.segment,
        ...(score === undefined ? {} : { score }),
        ...(result.failure === undefined ? {} : { error: jobError(result.failure, 'train') }),
      },
      { progress: result.progress, metrics },
    );
    await stores.objects.put(manifestPath(event), JSON.stringify(outcome), 'application/json');
    return outcome;
  } catch (error) {
    return await end({ status: 'failed', ...before, error: failureOf(error, 'train') });
  } finally {
    await callOff();
  }
}

async function train(
  event: SegmentEvent,
  { run, watch, context }: { run: Run; watch: RunWatch; context: FitContext },
): Promise<SegmentResult> {
  const { objects } = context.stores;
  return runSegment({
    spec: run.spec,
    ...(await trainingData(run.spec, context)),
    checkpoint: await newestCheckpoint(event, objects),
    threads: context.threads,
    untilEpoch: event.until_epoch,
    shouldStop: () => watch.shouldStop(),
    onEvent: (training) => watch.onEvent(training),
  });
}

/**
 * The last whole checkpoint before this segment, or none: a torn or lost one is made up for by training again from the one before it, which gives
 * the same bytes.
 */
async function newestCheckpoint(event: SegmentEvent, objects: ObjectStore): Promise<Uint8Array | undefined> {
  for (let segment = event.segment - 1; segment >= 0; segment--) {
    const bytes = await objects.get(paths.checkpoint(event, segment));
    if (bytes !== undefined && isIntact(bytes)) return bytes;
  }
  return undefined;
}

/** Writes how the segment ended. A trial that has ended says so itself; a job is settled by *train*. */
async function conclude(
  run: Run,
  { status, error }: Omit<SegmentOutcome, 'seconds'>,
  fields: Parameters<Run['patch']>[0],
  clock: Clock,
): Promise<void> {
  const { trial } = run.name;
  const ended = ENDED[status];
  await run.patch({
    ...fields,
    ...(ended === undefined ? {} : { status: ended }),
    ...(error === undefined ? {} : { error }),
  });
  if (trial === undefined || ended === undefined || status === 'paused') return;
  await run.events.append(`${trial}-ended`, {
    type: 'message',
    level: ended === 'failed' ? 'warn' : 'info',
    created_at: epochS(clock),
    message: `${trial} ${ended}${error === undefined ? '' : `: ${error.message}`}`,
    data: { trial, status: ended, ...(error === undefined ? {} : { code: error.code }) },
  });
}

/** A trial of a halving that is not taken further has done all that was asked of it. */
const ENDED: Readonly<Record<SegmentOutcome['status'], TrialRecord['status'] | undefined>> = {
  running: undefined,
  paused: 'succeeded',
  finished: 'succeeded',
  cancelled: 'cancelled',
  over_budget: 'cancelled',
  over_quota: 'cancelled',
  failed: 'failed',
};

/** The tables that a job trains on: in memory, or where they would take more than half of what rows may take, to be read in parts. */
export async function trainingData(
  job: Pick<JobSpec, 'dataset' | 'validation' | 'features' | 'target'>,
  { stores: { objects }, dataBytes }: Pick<FitContext, 'stores' | 'dataBytes'>,
): Promise<Pick<TrainingData, 'train' | 'validation' | 'memoryBytes'>> {
  const source = await openTable(objects, job.dataset, columnsOf(job));
  const columns = source.columns.map(({ name }) => name);
  const other = 'dataset' in job.validation ? job.validation.dataset : undefined;
  const held = other === undefined ? undefined : await openTable(objects, other, columns);
  const memoryBytes = dataBytes;
  if (source.bytes + (held?.bytes ?? 0) > dataBytes / 2)
    return { train: source, ...(held && { validation: held }), memoryBytes };
  const train = await readTable(objects, job.dataset, columns);
  return { train, ...(other && { validation: await readTable(objects, other, columns) }), memoryBytes };
}

function manifestPath(event: SegmentEvent): string {
  return `${paths.checkpoint(event, event.segment)}.json`;
}
