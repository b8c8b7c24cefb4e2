/** tenon models: list, get, versions, card, download, upload, alias, rollback, unalias, delete. */
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { ApiError } from '../client.ts';
import type { ApiClient } from '../client.ts';
import { UsageError } from '../errors.ts';
import { metricRows } from '../follow.ts';
import { bytes, fields, number, table, time } from '../render/table.ts';
import type { Metrics, Model, ModelVersion } from '../resources.ts';
import { numeric, sessionOf, splitVersion } from '../session.ts';
import { answer, print, progressBar } from '../terminal.ts';
import { downloadFile } from '../upload.ts';
import { addUpload } from './model-upload.ts';

interface Artifact {
  readonly url: string;
  readonly sha256: string;
  readonly bytes: number;
}

export function addModels(program: Command): void {
  const models = program.command('models').description('what trained jobs have published, and what was uploaded');
  models
    .command('list')
    .description('models by name')
    .option('--limit <n>', 'how many', numeric, 100)
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const { api, output } = sessionOf(command);
      const page = await api.list<Model>('listModels', limit);
      answer(page, output, () =>
        table(
          ['NAME', 'LATEST', 'ALIASES', 'UPDATED'],
          page.data.map((m) => [m.name, m.latest_version, aliasWords(m), time(m.updated_at)]),
        ),
      );
    });
  models
    .command('get <model>')
    .description('one model, or with name:version one version')
    .action(async (ref: string, _options: object, command: Command) => {
      const { api, output } = sessionOf(command);
      const { name, version } = splitVersion(ref);
      if (version !== undefined) {
        const one = await api.call<ModelVersion>('getModelVersion', { params: { name, version } });
        answer(one, output, () => shownVersion(one));
        return;
      }
      const model = await api.call<Model>('getModel', { params: { name } });
      const { latest_version: latest, updated_at: updated } = model;
      answer(model, output, () => fields({ name, latest, aliases: aliasWords(model), updated: time(updated) }));
    });
  models
    .command('versions <name>')
    .description('its versions, newest first')
    .option('--limit <n>', 'how many', numeric, 20)
    .action(async (name: string, { limit }: { limit: number }, command: Command) => {
      const { api, output } = sessionOf(command);
      const versions = await versionsOf(api, name, limit);
      answer({ object: 'list', data: versions }, output, () =>
        table(
          ['VERSION', 'FAMILY', 'VALIDATION', 'SIZE', 'CREATED'],
          versions.map((v) => [v.version, v.family, metricWords(v), bytes(v.bytes), time(v.created_at)]),
        ),
      );
    });
  addFiles(models);
  addUpload(models, shownVersion);
  addAliases(models);
  models
    .command('delete <model>')
    .description('a model with all its versions, or with name:version one that no alias points to')
    .action(async (ref: string, _options: object, command: Command) => {
      const { api, output } = sessionOf(command);
      const { name, version } = splitVersion(ref);
      const deleted =
        version === undefined
          ? await api.call('deleteModel', { params: { name } })
          : await api.call('deleteModelVersion', { params: { name, version } });
      answer(deleted, output, () => [`deleted ${ref}`]);
    });
}

function addFiles(models: Command): void {
  models
    .command('card <model>')
    .description('what a version is, how good, and how to make it again; Markdown')
    .option('-o, --output <file>', 'write it there')
    .action(async (ref: string, { output: file }: { output?: string }, command: Command) => {
      const { api, output } = sessionOf(command);
      const params = await versionOf(api, ref);
      const accept = output.isJson ? 'application/json' : 'text/markdown';
      const card = await (await api.send('getModelCard', { params, headers: { accept } })).text();
      if (file === undefined) print(card.trimEnd());
      else writeFileSync(file, card);
    });
  models
    .command('download <model>')
    .description('the ONNX file of a version, which runs anywhere; its SHA-256 is checked')
    .option('-o, --output <file>', 'by default <name>-<version>.onnx')
    .action(async (ref: string, options: { output?: string }, command: Command) => {
      const { api, output } = sessionOf(command);
      const params = await versionOf(api, ref);
      const artifact = await api.call<Artifact>('getModelArtifact', { params });
      const file = options.output ?? `${params.name}-${params.version}.onnx`;
      const bar = progressBar(`downloading ${file}`, artifact.bytes, output);
      let got = 0;
      await downloadFile(artifact.url, file, artifact.sha256, (more) => {
        got += more;
        bar.update(got, bytes(got));
      }).finally(() => bar.stop());
      const { sha256, bytes: size } = artifact;
      answer({ file, sha256, bytes: size }, output, () => [`${file}: ${bytes(size)}, SHA-256 ${sha256}`]);
    });
}

function addAliases(models: Command): void {
  models
    .command('alias <name> <alias>')
    .description('point an alias to a version, or by weight to several')
    .option('--version <n>', 'the version', numeric)
    .option('--split <version=weight...>', 'several, such as 3=0.9 4=0.1')
    .option('--sticky', 'of a split: the same user gets the same version')
    .action(async (name: string, alias: string, options: AliasOptions, command: Command) => {
      const { api, output } = sessionOf(command);
      const model = await api.call<Model>('putModelAlias', { params: { name, alias }, body: aliasBody(options) });
      answer(model, output, () => [`${name}: ${aliasWords(model)}`]);
    });
  for (const [verb, operation, description] of [
    ['rollback', 'rollbackModelAlias', 'point an alias to what it pointed to before'],
    ['unalias', 'deleteModelAlias', 'delete an alias; its version stays'],
  ] as const) {
    models
      .command(`${verb} <name> <alias>`)
      .description(description)
      .action(async (name: string, alias: string, _options: object, command: Command) => {
        const { api, output } = sessionOf(command);
        const body = verb === 'rollback' ? { body: {} } : {};
        const answered = await api.call<object>(operation, { params: { name, alias }, ...body });
        const model = await api.call<Model>('getModel', { params: { name } });
        answer(answered, output, () => [`${name}: ${aliasWords(model)}`]);
      });
  }
}

interface AliasOptions {
  readonly version?: number;
  readonly split?: readonly string[];
  readonly sticky?: boolean;
}

/** @throws {UsageError} for neither or both of a version and a split */
export function aliasBody({ version, split, sticky }: AliasOptions): object {
  if ((version === undefined) === (split === undefined))
    throw new UsageError('say where the alias points to: --version 3, or --split 3=0.9 4=0.1');
  if (split === undefined) return { version };
  const parts = split.map((part) => {
    const [number = '', weight = ''] = part.split('=');
    return { version: numeric(number), weight: numeric(weight) };
  });
  return { split: parts, ...(sticky === true ? { sticky: 'user' } : {}) };
}

/** `name`, `name@alias` or `name:version` as a version. @throws {UsageError} for an alias that is not there, or splits */
export async function versionOf(api: ApiClient, ref: string): Promise<{ name: string; version: number }> {
  const { name: named, version } = splitVersion(ref);
  if (version !== undefined) return { name: named, version };
  const [name = '', alias = 'latest'] = named.split('@');
  const { aliases, latest_version: latest } = await api.call<Model>('getModel', { params: { name } });
  const target = alias === 'latest' ? latest : Object.hasOwn(aliases, alias) ? aliases[alias] : undefined;
  if (typeof target === 'number') return { name, version: target };
  const splits = (target as { split?: { version: number }[] } | undefined)?.split ?? [];
  throw new UsageError(
    splits.length === 0
      ? `${name} has no alias ${alias}`
      : `${ref} is split over several versions: name one, such as ${name}:${splits[0]!.version}`,
  );
}

/** Deleted ones are passed over. */
async function versionsOf(api: ApiClient, name: string, limit: number): Promise<ModelVersion[]> {
  const { latest_version: latest } = await api.call<Model>('getModel', { params: { name } });
  const versions: ModelVersion[] = [];
  for (let version = latest; version > 0 && versions.length < limit; version--) {
    try {
      versions.push(await api.call<ModelVersion>('getModelVersion', { params: { name, version } }));
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }
  return versions;
}

function aliasWords({ aliases }: Model): string {
  const words = Object.entries(aliases).map(([alias, target]) => {
    const { split } = Object(target) as { split?: { version: number; weight: number }[] };
    return `${alias}=${split === undefined ? String(target) : split.map((p) => `${p.version}(${p.weight})`).join('+')}`;
  });
  return words.join(' ');
}

function metricWords({ metrics: { train, validation } }: ModelVersion): string {
  const shown: Metrics = Object.keys(validation).length > 0 ? validation : train;
  return Object.entries(shown)
    .slice(0, 3)
    .map(([name, value]) => `${name} ${number(value)}`)
    .join(', ');
}

function shownVersion({ id, task, family, status, bytes: size, created_at: created, metrics }: ModelVersion): string[] {
  const figures = fields({ version: id, status, task, family, size: bytes(size), created: time(created) });
  const rows = metricRows(metrics);
  return rows.length === 0 ? figures : [...figures, '', ...table(['METRIC', 'TRAIN', 'VALIDATION'], rows)];
}
