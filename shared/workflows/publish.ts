/** From a job's last checkpoint to a version of its model: export, proof of equality, registration. Safe to run again. */
import { createHash } from 'node:crypto';
import { epochS } from '../clock.ts';
import { ServiceError } from '../errors.ts';
import { sampleBackground } from '../explain/background.ts';
import type { TrainedData } from '../explain/background.ts';
import { fairnessOf } from '../explain/overview/facet.ts';
import { overviewOf } from '../explain/overview/overview.ts';
import type { Attempt, JobRecord } from '../resources/job.ts';
import type { ModelVersion } from '../resources/model.ts';
import type { Preparation } from '../runtime/preparation.ts';
import { createEngine } from '../runtime/session.ts';
import { exportModel } from '../runtime/trainer.ts';
import type { ExportResult } from '../runtime/trainer.ts';
import { versionId } from '../stores/catalog.ts';
import type { Catalog } from '../stores/catalog.ts';
import { paths } from '../stores/objects.ts';
import type { TenantStores } from '../stores/tenant-stores.ts';
import { meter } from '../tenancy/price.ts';
import { cardOf } from './card.ts';
import { failureOf } from './failure.ts';
import type { FitContext } from './fit-context.ts';
import { trainingData } from './fit.ts';
import { attemptOf, leaseName, metricsOf, over, plus, specOf } from './run.ts';
import { readTable } from './tables.ts';
import type { FitEvent, PublishOutcome } from './train.ts';
import { TrainingSeconds } from './training-seconds.ts';

export async function publish(
  event: Extract<FitEvent, { action: 'publish' }>,
  context: FitContext,
): Promise<PublishOutcome> {
  const { stores, clock } = context;
  const startedMs = clock.nowMs();
  const seconds = () => (clock.nowMs() - startedMs) / 1000;
  const job = await stores.catalog.jobs.get(event.job);
  if (job === undefined)
    return { seconds: 0, error: { code: 'cancelled', phase: 'publish', message: 'the job was erased' } };
  if (job.model !== undefined) {
    // The try that published it may have died before it tidied up.
    await tidyUp(job, stores);
    return { seconds: seconds(), model: job.model };
  }
  const before = job.usage.seconds;
  const attempt = await noteAttempt(job, context);
  const month = new TrainingSeconds(stores.trainingSeconds, job.training_seconds_limit);
  // What has been learned is published even where the month has no more seconds: then they are not counted.
  await month.open(leaseName(event), before);
  const usage = async () => {
    await month.cover(before + seconds());
    const counted = month.counted(before + seconds()) - before;
    return plus(job.usage, meter(counted, attempt.memory_mb, attempt.gb_second_usd));
  };
  const end = async (fields: Partial<JobRecord>) => {
    const total = await usage();
    await stores.catalog.jobs.patch(event.job, { ...fields, usage: total, attempt: over(attempt) });
    await month.end(total.seconds);
  };
  try {
    const spec = specOf(job, event.trial);
    const checkpoint = await stores.objects.read(paths.checkpoint(event, event.segment));
    const exported = await exportModel({
      spec,
      ...(await trainingData(spec, context)),
      checkpoint,
      threads: context.threads,
    });
    const metrics = metricsOf(exported);
    const file = { bytes: exported.onnx.byteLength, sha256: createHash('sha256').update(exported.onnx).digest('hex') };
    await takeRoom(stores, job, file.bytes);
    const version = await reserveVersion(stores.catalog, job, { ...file, metrics, created_at: epochS(clock) });
    await stores.objects.put(paths.model(job.name, version), exported.onnx);
    const background = JSON.stringify(sampleBackground(trainedOf(exported.prepared)));
    await stores.objects.put(paths.background(job.name, version), background, 'application/json');
    const views = await viewsOf(job, exported, context);
    const made = { version, ...file, exported, metrics, nowS: epochS(clock), threads: context.threads, ...views };
    const card = cardOf(spec, made);
    const dataset = await stores.catalog.datasets.get(job.dataset);
    await stores.objects.put(paths.card(job.name, version), JSON.stringify(card(dataset)), 'application/json');
    await moveLatest(stores, job, { version, nowS: epochS(clock) });
    const model = { name: job.name, version };
    await end({ metrics, model });
    await tidyUp(job, stores);
    return { seconds: seconds(), model };
  } catch (error) {
    const failure = failureOf(error, 'publish');
    await end({});
    return { seconds: seconds(), error: failure };
  }
}

async function noteAttempt(job: JobRecord, context: FitContext): Promise<Attempt> {
  const attempt = attemptOf(job, context);
  await context.stores.catalog.jobs.patch(job.id, { attempt }, ['running']);
  return attempt;
}

async function tidyUp({ id }: JobRecord, { storedBytes, objects }: TenantStores): Promise<void> {
  await storedBytes.confirm(id);
  await objects.deleteAll(paths.job(id));
}

/** What the card shows of the model over its rows; a language model has no rows to show. */
async function viewsOf(job: JobRecord, { onnx, prepared }: ExportResult, { stores, threads }: FitContext) {
  if (job.task === 'language_modelling') return {};
  const engine = createEngine({ threads });
  const overview = await overviewOf(onnx, prepared, { engine });
  if (job.fairness === undefined) return { overview };
  const { column, group } = job.fairness;
  const columns = [...new Set(group === undefined ? [column] : [column, group])];
  const train = await readTable(stores.objects, job.dataset, columns);
  const other = 'dataset' in job.validation ? job.validation.dataset : undefined;
  const heldOut = other === undefined ? train : await readTable(stores.objects, other, columns);
  const fairness = await fairnessOf(onnx, job.fairness, { prepared, sensitive: { train, heldOut }, engine });
  if (typeof fairness !== 'string') return { overview, fairness };
  return { overview: { ...overview, left_out: [...overview.left_out, fairness] } };
}

/** What the background of explanations is drawn from. */
function trainedOf({ encodings, trainRows, problem }: Preparation): TrainedData {
  return { encodings, ...trainRows, x: problem.train.x, seed: problem.seed };
}

/** Removes what a job without a version leaves behind. */
export async function discard(
  { job }: Extract<FitEvent, { action: 'discard' }>,
  { stores }: FitContext,
): Promise<{ seconds: number }> {
  await stores.objects.deleteAll(paths.job(job));
  return { seconds: 0 };
}

/** Takes the next free version number for the job, or the one it took before. */
async function reserveVersion(
  catalog: Catalog,
  job: JobRecord,
  file: Pick<ModelVersion, 'bytes' | 'sha256' | 'metrics' | 'created_at'>,
): Promise<number> {
  const versions = catalog.versions(job.name);
  const newest = await versions.list({ limit: 1, order: 'descending' });
  const last = newest.data[0];
  if (last?.job === job.id) return last.version;
  // A number is never given twice, also when its version was deleted.
  const highest = Math.max(last?.version ?? 0, (await catalog.models.get(job.name))?.latest_version ?? 0);
  for (let version = highest + 1; ; version++) {
    const record: ModelVersion = {
      id: `${job.name}:${version}`,
      object: 'model.version',
      name: job.name,
      version,
      task: job.task,
      family: job.family,
      job: job.id,
      dataset: job.dataset,
      ...file,
    };
    if (await versions.create(versionId(version), record)) return version;
    if ((await versions.get(versionId(version)))?.job === job.id) return version;
  }
}

/** Takes the bytes of the file, and a model where the name is new. @throws {ServiceError} quota_exceeded */
async function takeRoom({ catalog, storedBytes, models }: TenantStores, job: JobRecord, bytes: number): Promise<void> {
  const limit = job.stored_bytes_limit ?? Number.MAX_SAFE_INTEGER;
  if (!(await storedBytes.take(job.id, bytes, limit))) {
    throw new ServiceError(
      'quota_exceeded',
      `the model has ${bytes} bytes: your plan's ${limit} stored bytes are used up`,
    );
  }
  if ((await catalog.models.get(job.name)) !== undefined) return;
  const most = job.models_limit ?? Number.MAX_SAFE_INTEGER;
  if (await models.take(job.id, 1, most)) return;
  await storedBytes.undo(job.id, bytes);
  throw new ServiceError('quota_exceeded', `your plan's ${most} models are used up: delete one, or use its name`);
}

async function moveLatest(
  { catalog, models }: TenantStores,
  { id, name }: JobRecord,
  { version, nowS }: { version: number; nowS: number },
): Promise<void> {
  await catalog.models.create(name, {
    id: name,
    object: 'model',
    name,
    latest_version: version,
    aliases: {},
    first_job: id,
    created_at: nowS,
    updated_at: nowS,
  });
  const model = await catalog.models.get(name);
  // Another job may have made the model first: then it is counted for that one.
  if (model?.first_job === id) await models.confirm(id);
  else await models.undo(id, 1);
  if (model !== undefined && model.latest_version < version)
    await catalog.models.patch(name, { latest_version: version, updated_at: nowS });
}
