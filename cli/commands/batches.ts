/** tenon batches: create, list, get, follow, download, cancel, delete. */
import type { Command } from 'commander';
import type { ApiClient } from '../client.ts';
import { OutcomeError } from '../errors.ts';
import { bytes, fields, number, table, time } from '../render/table.ts';
import { isFinished } from '../resources.ts';
import type { Batch } from '../resources.ts';
import { numeric, sessionOf } from '../session.ts';
import { answer, progressBar, remark } from '../terminal.ts';
import type { Output } from '../terminal.ts';
import { downloadFile } from '../upload.ts';
import { datasetId } from './datasets.ts';

interface BatchOutput {
  readonly url: string;
  readonly sha256: string;
  readonly bytes: number;
}

interface CreateFlags {
  readonly include?: readonly string[];
  readonly output?: string;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly seed?: number;
  readonly detach?: boolean;
}

export function addBatches(program: Command): void {
  const batches = program.command('batches').description('one model over every row of a dataset');
  batches
    .command('create <model> <dataset>')
    .description('predict every row (the dataset by id or name), and follow the batch to its end')
    .option('--include <column...>', 'columns that the output repeats, such as an id')
    .option('-o, --output <file>', 'download the output there once it has ended')
    .option('--max-tokens <n>', 'of a language model', numeric)
    .option('--temperature <x>', 'of a language model', numeric)
    .option('--seed <n>', 'of a language model', numeric)
    .option('--detach', 'come back at once: the batch goes on without you')
    .action(create);
  batches
    .command('list')
    .description('batches, newest first')
    .option('--limit <n>', 'how many', numeric, 20)
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const { api, output } = sessionOf(command);
      const page = await api.list<Batch>('listBatches', limit);
      answer(page, output, () =>
        table(
          ['ID', 'MODEL', 'STATUS', 'DONE', 'ROWS', 'FAILED', 'USD', 'CREATED'],
          page.data.map((batch) => {
            const { progress, usage } = batch;
            const model = `${batch.model}:${batch.model_version}`;
            const done = `${Math.floor(progress.fraction * 100)} %`;
            return [
              batch.id,
              model,
              batch.status,
              done,
              progress.rows,
              progress.failed,
              usage.usd,
              time(batch.created_at),
            ];
          }),
        ),
      );
    });
  addOne(batches);
}

async function create(model: string, dataset: string, flags: CreateFlags, command: Command): Promise<void> {
  const { api, output } = sessionOf(command);
  const parameters = {
    ...(flags.maxTokens === undefined ? {} : { max_tokens: flags.maxTokens }),
    ...(flags.temperature === undefined ? {} : { temperature: flags.temperature }),
    ...(flags.seed === undefined ? {} : { seed: flags.seed }),
  };
  const body = {
    model,
    dataset: await datasetId(api, dataset),
    ...(flags.include === undefined ? {} : { include: flags.include }),
    ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
  };
  const made = await api.call<Batch>('createBatch', { body });
  if (!output.isJson) remark(`${made.id}: Ctrl-C leaves it running, tenon batches follow ${made.id} comes back to it`);
  const batch = flags.detach === true ? made : await follow(api, made.id, output);
  if (flags.output !== undefined && batch.output !== undefined) await download(api, batch.id, flags.output, output);
  answer(batch, output, () => shown(batch));
  throwIfFailed(batch);
}

function addOne(batches: Command): void {
  for (const [name, description] of [
    ['get', 'one batch with its progress and cost'],
    ['follow', 'show the progress until the batch ends'],
  ] as const) {
    batches
      .command(`${name} <batch>`)
      .description(description)
      .action(async (id: string, _options: object, command: Command) => {
        const { api, output } = sessionOf(command);
        const batch =
          name === 'get' ? await api.call<Batch>('getBatch', { params: { id } }) : await follow(api, id, output);
        answer(batch, output, () => shown(batch));
        if (name === 'follow') throwIfFailed(batch);
      });
  }
  batches
    .command('download <batch>')
    .description('the output of a batch that has ended: JSON lines, one a row; its SHA-256 is checked')
    .option('-o, --output <file>', 'by default <batch>.jsonl')
    .action(async (id: string, { output: path = `${id}.jsonl` }: { output?: string }, command: Command) => {
      const { api, output } = sessionOf(command);
      const { sha256, bytes: size } = await download(api, id, path, output);
      answer({ file: path, sha256, bytes: size }, output, () => [`${path}: ${bytes(size)}, SHA-256 ${sha256}`]);
    });
  batches
    .command('cancel <batch>')
    .description('stop it; what is predicted stays in the output')
    .action(async (id: string, _options: object, command: Command) => {
      const { api, output } = sessionOf(command);
      const batch = await api.call<Batch>('cancelBatch', { params: { id }, body: {} });
      answer(batch, output, () => [`${id}: asked to stop, now ${batch.status}`]);
    });
  batches
    .command('delete <batch>')
    .description('a batch that has ended, with its output')
    .action(async (id: string, _options: object, command: Command) => {
      const { api, output } = sessionOf(command);
      answer(await api.call('deleteBatch', { params: { id } }), output, () => [`deleted ${id}`]);
    });
}

/** Shows the batch until it ends, and answers it as it is then. */
async function follow(api: ApiClient, id: string, output: Output): Promise<Batch> {
  const look = (): Promise<Batch> => api.call<Batch>('getBatch', { params: { id } });
  const first = await look();
  const bar = progressBar(' ', first.progress.rows, output);
  try {
    return await api.until(async () => {
      const batch = await look();
      const { predicted, failed, rows, eta_seconds: left } = batch.progress;
      const words = [`${predicted + failed} of ${rows} rows`, ...(failed > 0 ? [`${failed} failed`] : [])];
      bar.update(predicted + failed, [...words, ...(left === undefined ? [] : [`${left} s left`])].join(' | '));
      return batch;
    }, isFinished);
  } finally {
    bar.stop();
  }
}

async function download(api: ApiClient, id: string, file: string, output: Output): Promise<BatchOutput> {
  const place = await api.call<BatchOutput>('getBatchOutput', { params: { id } });
  const bar = progressBar(`downloading ${file}`, place.bytes, output);
  let got = 0;
  await downloadFile(place.url, file, place.sha256, (more) => {
    got += more;
    bar.update(got, bytes(got));
  }).finally(() => bar.stop());
  return place;
}

function shown({ id, model, model_version: version, status, progress, usage, output, error }: Batch): string[] {
  return fields({
    batch: id,
    model: `${model}:${version}`,
    status,
    rows: `${progress.rows}: ${progress.predicted} predicted, ${progress.failed} failed`,
    output: output === undefined ? undefined : `${bytes(output.bytes)}, tenon batches download ${id}`,
    cost: `${number(usage.seconds)} s, ${number(usage.gb_seconds)} GB-seconds, $${usage.usd.toFixed(6)}`,
    error: error === undefined ? undefined : `${error.message} (${error.code})`,
  });
}

/** @throws {OutcomeError} so that a script sees it in the exit code */
function throwIfFailed({ id, status }: Batch): void {
  if (status === 'failed' || status === 'cancelled')
    throw new OutcomeError(`the batch ${id} ${status === 'failed' ? 'failed' : 'was cancelled'}`);
}
