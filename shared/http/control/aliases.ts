/** Aliases of models: set, rolled back, deleted. Each keeps what it pointed to before. */
import { epochS } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import { targetOf, versionsOfTarget } from '../../resources/alias.ts';
import type { AliasTarget } from '../../resources/alias.ts';
import type { ModelRecord } from '../../resources/model.ts';
import { versionId } from '../../stores/catalog.ts';
import type { Catalog } from '../../stores/catalog.ts';
import { notFound, tenantOf } from '../context.ts';
import type { ControlContext } from '../context.ts';
import type { Operations } from '../operation.ts';
import { requireReady } from '../ready.ts';
import { modelByName, showModel } from './model-record.ts';

type AliasOperation = 'putModelAlias' | 'deleteModelAlias' | 'rollbackModelAlias';

const ALIAS_PATTERN = /^[A-Za-z][A-Za-z0-9._-]{0,62}$/;

/** Earlier targets that an alias can go back to. */
const MAX_HISTORY = 5;
const MAX_ALIASES = 100;

export function aliasOperations(context: ControlContext): Operations<AliasOperation> {
  const nowS = (): number => epochS(context.clock);
  return {
    async putModelAlias({ caller, params, body }) {
      const { catalog } = tenantOf(context, caller);
      const model = await modelByName(catalog, params['name']);
      const alias = nameOf(params['alias']);
      const target: AliasTarget = 'version' in body ? body.version : body;
      await requireVersions(catalog, model.name, target);
      const before = targetOf(model.aliases, alias);
      if (before === undefined && Object.keys(model.aliases).length >= MAX_ALIASES) {
        throw new ServiceError(
          'quota_exceeded',
          `${model.name} has ${MAX_ALIASES} aliases, as many as a model may have: reuse one`,
        );
      }
      const history = historyOf(model, alias);
      const kept = before === undefined ? history : [...history, before].slice(-MAX_HISTORY);
      return { body: showModel(await change(catalog, model, { alias, target, history: kept, nowS: nowS() })) };
    },

    async rollbackModelAlias({ caller, params }) {
      const { catalog } = tenantOf(context, caller);
      const { model, alias } = await existing(catalog, params);
      const history = historyOf(model, alias);
      const target = history.at(-1);
      if (target === undefined) {
        throw new ServiceError('conflict', `"${alias}" of ${model.name} has not pointed to anything else before`);
      }
      await requireVersions(catalog, model.name, target);
      const kept = history.slice(0, -1);
      return { body: showModel(await change(catalog, model, { alias, target, history: kept, nowS: nowS() })) };
    },

    async deleteModelAlias({ caller, params }) {
      const { catalog } = tenantOf(context, caller);
      const { model, alias } = await existing(catalog, params);
      const deleted = { alias, target: undefined, history: [], nowS: nowS() };
      return { body: showModel(await change(catalog, model, deleted)) };
    },
  };
}

/** @throws {ServiceError} invalid_request */
function nameOf(alias = ''): string {
  if (alias !== 'latest' && ALIAS_PATTERN.test(alias)) return alias;
  throw new ServiceError(
    'invalid_request',
    `"${alias}" cannot be an alias: expected a letter and up to 62 letters, digits, dots, dashes or underscores, and not "latest", which always names the newest version`,
  );
}

async function existing(
  catalog: Catalog,
  params: Readonly<Record<string, string>>,
): Promise<{ model: ModelRecord; alias: string }> {
  const model = await modelByName(catalog, params['name']);
  const alias = nameOf(params['alias']);
  if (targetOf(model.aliases, alias) === undefined) throw notFound('model', `${model.name}@${alias}`);
  return { model, alias };
}

function historyOf({ alias_history: history = {} }: ModelRecord, alias: string): readonly AliasTarget[] {
  return Object.hasOwn(history, alias) ? history[alias]! : [];
}

/** @throws {ServiceError} not_found naming the version that is not there, or no longer */
async function requireVersions(catalog: Catalog, name: string, target: AliasTarget): Promise<void> {
  for (const version of versionsOfTarget(target)) {
    const record = await catalog.versions(name).get(versionId(version));
    if (record === undefined) throw notFound('model', `${name}:${version}`);
    requireReady(record);
  }
}

async function change(
  catalog: Catalog,
  model: ModelRecord,
  to: { alias: string; target: AliasTarget | undefined; history: readonly AliasTarget[]; nowS: number },
): Promise<ModelRecord> {
  const without = <T>(map: Readonly<Record<string, T>> = {}): Record<string, T> =>
    Object.fromEntries(Object.entries(map).filter(([alias]) => alias !== to.alias));
  const aliases = Object.fromEntries([
    ...Object.entries(without(model.aliases)),
    ...(to.target === undefined ? [] : [[to.alias, to.target] as const]),
  ]);
  const alias_history = Object.fromEntries([
    ...Object.entries(without(model.alias_history)),
    ...(to.history.length === 0 ? [] : [[to.alias, to.history] as const]),
  ]);
  await catalog.models.patch(model.name, { aliases, alias_history, updated_at: to.nowS });
  return modelByName(catalog, model.name);
}
