/** tenon datasets: create from files, list, get, delete. */
import { basename } from 'node:path';
import { Option } from 'commander';
import type { Command } from 'commander';
import type { ApiClient } from '../client.ts';
import { FORMATS, createDataset, guessFormat, nameOf, partsOf, readyDataset, sizeOf } from '../dataset-files.ts';
import type { Format } from '../dataset-files.ts';
import { UsageError } from '../errors.ts';
import { bytes, fields, table, time } from '../render/table.ts';
import type { Cell } from '../render/table.ts';
import type { Dataset } from '../resources.ts';
import { numeric, sessionOf } from '../session.ts';
import { answer, progressBar, remark } from '../terminal.ts';
import type { Output } from '../terminal.ts';

interface CreateOptions {
  readonly name?: string;
  readonly format?: Format;
  readonly column?: readonly string[];
  readonly delimiter?: string;
  readonly header: boolean;
  readonly wait: boolean;
}

export function addDatasets(program: Command): void {
  const datasets = program.command('datasets').description('the data that models learn from');
  datasets
    .command('create <files...>')
    .description('upload a file (csv, jsonl, parquet), or the two of an idx pair, and wait until the data are read')
    .option('--name <name>', 'by default that of the file')
    .addOption(new Option('--format <format>', 'by default by name and first bytes').choices(FORMATS))
    .option('--column <name=type...>', 'a type that is not to be inferred: number, integer, category, text, ...')
    .option('--delimiter <character>', 'of a CSV file; by default it is found')
    .option('--no-header', "a CSV file's first line is data")
    .option('--no-wait', 'come back as soon as the upload is done')
    .action(async (files: string[], options: CreateOptions, command: Command) => {
      const { api, output } = sessionOf(command);
      const dataset = await create(api, files, options, output);
      answer(dataset, output, () => shown(dataset));
    });
  datasets
    .command('list')
    .description('datasets, newest first')
    .option('--limit <n>', 'how many', numeric, 20)
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const { api, output } = sessionOf(command);
      const page = await api.list<Dataset>('listDatasets', limit);
      answer(page, output, () =>
        table(
          ['ID', 'NAME', 'FORMAT', 'STATUS', 'ROWS', 'SIZE', 'CREATED'],
          page.data.map((d) => [d.id, d.name, d.format, d.status, d.rows, bytes(d.bytes), time(d.created_at)]),
        ),
      );
    });
  datasets
    .command('get <dataset>')
    .description('one dataset, by id or name, with its columns or errors')
    .action(async (ref: string, _options: object, command: Command) => {
      const { api, output } = sessionOf(command);
      const dataset = await api.call<Dataset>('getDataset', { params: { id: await datasetId(api, ref) } });
      answer(dataset, output, () => shown(dataset));
    });
  datasets
    .command('delete <dataset>')
    .description('the dataset and its data; models that learned from it stay')
    .action(async (id: string, _options: object, command: Command) => {
      const { api, output } = sessionOf(command);
      const deleted = await api.call<{ trained_model_versions: string[] }>('deleteDataset', { params: { id } });
      const stay = deleted.trained_model_versions;
      answer(deleted, output, () => [
        `deleted ${id}`,
        ...(stay.length === 0 ? [] : [`${stay.join(', ')} learned from it and stay`]),
      ]);
    });
}

/** The id that a name stands for: its newest dataset that is ready. @throws {UsageError} where none has that name */
export async function datasetId(api: ApiClient, ref: string): Promise<string> {
  if (/^ds_[0-9a-z]{20,}$/.test(ref)) return ref;
  const { data } = await api.list<Dataset>('listDatasets', 1000);
  const named = data.filter(({ name }) => name === ref);
  const found = named.find(({ status }) => status === 'ready') ?? named[0];
  if (found === undefined) throw new UsageError(`there is no dataset named ${ref}: tenon datasets list shows yours`);
  return found.id;
}

async function create(api: ApiClient, files: string[], options: CreateOptions, output: Output): Promise<Dataset> {
  const format = options.format ?? guessFormat(files);
  const parts = partsOf(files, format);
  const [file = ''] = files;
  const csvOptions = {
    ...(options.delimiter === undefined ? {} : { delimiter: options.delimiter.replace(/^\\t$/, '\t') }),
    ...(options.header ? {} : { header: false }),
  };
  const settings = {
    name: options.name ?? nameOf(file),
    format,
    ...(options.column === undefined ? {} : { columns: columnTypes(options.column) }),
    ...(Object.keys(csvOptions).length === 0 ? {} : { csv_options: csvOptions }),
  };
  const total = sizeOf(Object.values(parts));
  const bar = progressBar(`uploading ${files.map((path) => basename(path)).join(', ')}`, total, output);
  let sent = 0;
  const made = await createDataset(api, settings, parts, (more) => {
    sent += more;
    bar.update(sent, `${bytes(sent)} of ${bytes(total)}`);
  }).finally(() => bar.stop());
  if (!options.wait) return made;
  if (!output.isJson) remark(`${made.id}: reading the data ...`);
  return readyDataset(api, made.id);
}

function columnTypes(settings: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    settings.map((setting) => {
      const at = setting.lastIndexOf('=');
      if (at < 1) throw new UsageError(`--column ${setting}: expected name=type, such as zip=category`);
      return [setting.slice(0, at), setting.slice(at + 1)];
    }),
  );
}

function shown(dataset: Dataset): string[] {
  const { id, name, format, status, rows, columns = [], errors = [] } = dataset;
  const cells = columns.map((column): Cell[] =>
    ['name', 'type', 'missing', 'unique', 'min', 'max', 'mean'].map((field) => cellOf(column[field])),
  );
  return [
    ...fields({ id, name, format, status, rows, size: bytes(dataset.bytes), created: time(dataset.created_at) }),
    ...(cells.length === 0 ? [] : ['', ...table(['COLUMN', 'TYPE', 'MISSING', 'UNIQUE', 'MIN', 'MAX', 'MEAN'], cells)]),
    ...errors.map(({ row, column, message }) => `row ${row ?? '-'}, column ${column ?? '-'}: ${message}`),
  ];
}

function cellOf(value: unknown): Cell {
  return typeof value === 'string' || typeof value === 'number' ? value : undefined;
}
