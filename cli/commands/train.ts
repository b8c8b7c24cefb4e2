/** tenon train: a job from flags and a file, followed to its end. */
import type { Command } from 'commander';
import { OutcomeError, UsageError } from '../errors.ts';
import { followJob, metricRows } from '../follow.ts';
import { jobBody } from '../job-body.ts';
import type { JobFlags } from '../job-body.ts';
import { fields, number, table } from '../render/table.ts';
import type { ApiClient } from '../client.ts';
import type { Job } from '../resources.ts';
import { numeric, sessionOf } from '../session.ts';
import { answer, remark } from '../terminal.ts';
import { datasetId } from './datasets.ts';

export function addTrain(program: Command): void {
  withJobFlags(program.command('train [dataset]'))
    .description('train a model on a dataset (id or name), and follow the job to its end')
    .option('--detach', 'come back at once: the job goes on without you')
    .action(async (dataset: string | undefined, flags: JobFlags & { detach?: boolean }, command: Command) => {
      const { api, output } = sessionOf(command);
      const body = await bodyOf(api, dataset, flags);
      const { id } = await api.call<Job>('createJob', { body });
      if (!output.isJson) remark(`${id}: Ctrl-C leaves it running, tenon jobs follow ${id} comes back to it`);
      const job =
        flags.detach === true ? await api.call<Job>('getJob', { params: { id } }) : await followJob(api, id, output);
      answer(job, output, () => shownJob(job));
      throwIfFailed(job);
    });
}

/** Of train and of jobs estimate. */
export function withJobFlags(command: Command): Command {
  return command
    .option('--job <file>', 'the body of POST /v1/jobs as JSON, - for stdin; flags win over it')
    .option('--name <name>', 'of the model: it becomes its next version')
    .option('--task <task>', 'regression, classification, clustering, forecasting, language_modelling')
    .option('--family <family>', 'linear_regression, logistic_regression, svm, kmeans, cnn, rnn, attention')
    .option('--target <column>', 'what to predict')
    .option('--features <columns>', 'what to learn from, with commas between; by default every other column')
    .option('--params <file>', 'parameters of the family as JSON')
    .option('--set <name=value...>', 'one parameter, such as epochs=10 or optimizer.adam.learning_rate=0.01')
    .option('--validation <what>', 'a fraction of the rows, or a dataset')
    .option('--seed <n>', 'of everything random', numeric)
    .option('--max-seconds <n>', 'of training', numeric)
    .option('--max-usd <n>', 'of training', numeric);
}

/** @throws {UsageError} where no dataset is named */
export async function bodyOf(api: ApiClient, dataset: string | undefined, flags: JobFlags): Promise<object> {
  const body = jobBody({ ...flags, ...(dataset === undefined ? {} : { dataset }) });
  const ref = body['dataset'];
  if (typeof ref !== 'string')
    throw new UsageError('name a dataset: tenon train <dataset> ..., or "dataset" in the file of --job');
  const { validation } = body;
  const validationRef = (validation as { dataset?: unknown } | undefined)?.dataset;
  return {
    ...body,
    dataset: await datasetId(api, ref),
    ...(typeof validationRef === 'string' ? { validation: { dataset: await datasetId(api, validationRef) } } : {}),
  };
}

export function shownJob(job: Job): string[] {
  const { id, name, family, status, progress, model, usage, error } = job;
  const metrics = metricRows(job.metrics);
  return [
    ...fields({
      job: id,
      name,
      family,
      status,
      progress: status === 'running' ? `${Math.round(progress.fraction * 100)} %` : undefined,
      model: model === undefined ? undefined : `${model.name}:${model.version}`,
      cost: `${number(usage.seconds)} s, ${number(usage.gb_seconds)} GB-seconds, $${usage.usd.toFixed(6)}`,
      error: error === undefined ? undefined : `${error.message} (${error.code})`,
      hint: error?.hint,
    }),
    ...(metrics.length === 0 ? [] : ['', ...table(['METRIC', 'TRAIN', 'VALIDATION'], metrics)]),
  ];
}

/** @throws {OutcomeError} so that a script sees it in the exit code */
export function throwIfFailed({ id, status }: Job): void {
  if (status === 'failed' || status === 'cancelled')
    throw new OutcomeError(`the job ${id} ${status === 'failed' ? 'failed' : 'was cancelled'}`);
}
