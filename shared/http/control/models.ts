/** Models: what succeeded jobs published, and the ONNX files themselves. */
import { epochS } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import { NAME_PATTERN, nameSchema } from '../../resources/common.ts';
import type { Model, ModelCard, ModelVersion } from '../../resources/model.ts';
import { versionId } from '../../stores/catalog.ts';
import { paths } from '../../stores/objects.ts';
import { listOf, notFound, tenantOf } from '../context.ts';
import type { ControlContext } from '../context.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import type { Call, Operations, Reply } from '../operation.ts';
import { cardMarkdown } from './card-markdown.ts';

type ModelOperation =
  | 'listModels'
  | 'getModel'
  | 'deleteModel'
  | 'getModelVersion'
  | 'deleteModelVersion'
  | 'getModelArtifact'
  | 'getModelCard'
  | 'putModelAlias';

const ALIAS_PATTERN = /^[A-Za-z][A-Za-z0-9._-]{0,62}$/;

const MAX_ALIASES = 100;

const DOWNLOAD_EXPIRES_S = 3600;

export function modelOperations(context: ControlContext): Operations<ModelOperation> {
  return {
    async listModels({ caller, query }) {
      const { catalog } = tenantOf(context, caller);
      return {
        body: await listOf(catalog.models, query, {
          order: 'ascending',
          ids: NAME_PATTERN,
          idOf: ({ name }) => name,
          show: showModel,
        }),
      };
    },

    async getModel({ caller, params }) {
      return { body: showModel(await modelByName(tenantOf(context, caller).catalog, params['name'])) };
    },

    deleteModel: ({ caller, params }) => deleteModel(tenantOf(context, caller), params['name']),

    deleteModelVersion: ({ caller, params }) => deleteVersion(tenantOf(context, caller), params),

    putModelAlias: (call) => putModelAlias(call, context),

    getModelCard: (call) => getModelCard(call, context),

    async getModelVersion({ caller, params }) {
      return { body: await versionOf(tenantOf(context, caller).catalog, params) };
    },

    async getModelArtifact({ caller, params }) {
      const { catalog, objects } = tenantOf(context, caller);
      const version = await versionOf(catalog, params);
      const url = await objects.presignGet(
        paths.model(version.name, version.version),
        DOWNLOAD_EXPIRES_S,
        `${version.name}-${version.version}.onnx`,
      );
      const { id, sha256, bytes } = version;
      return {
        body: {
          object: 'model.artifact',
          id,
          url,
          sha256,
          bytes,
          expires_at: epochS(context.clock) + DOWNLOAD_EXPIRES_S,
        },
      };
    },
  };
}

async function putModelAlias(
  { caller, params, body }: Call<'putModelAlias'>,
  context: ControlContext,
): Promise<Reply<'putModelAlias'>> {
  const { catalog } = tenantOf(context, caller);
  const alias = params['alias'] ?? '';
  if (alias === 'latest' || !ALIAS_PATTERN.test(alias)) {
    throw new ServiceError(
      'invalid_request',
      `"${alias}" cannot be an alias: expected a letter and up to 62 letters, digits, dots, dashes or underscores, and not "latest", which always names the newest version`,
    );
  }
  const { name, version } = await versionOf(catalog, { ...params, version: String(body.version) });
  const model = await modelByName(catalog, name);
  const aliases = { ...model.aliases, [alias]: version };
  if (Object.keys(aliases).length > MAX_ALIASES)
    throw new ServiceError(
      'quota_exceeded',
      `${name} has ${MAX_ALIASES} aliases, as many as a model may have: reuse one`,
    );
  await catalog.models.patch(name, { aliases, updated_at: epochS(context.clock) });
  return { body: showModel(await modelByName(catalog, name)) };
}

async function getModelCard(
  { caller, params, accept }: Call<'getModelCard'>,
  context: ControlContext,
): Promise<Reply<'getModelCard'>> {
  const { catalog, objects } = tenantOf(context, caller);
  const { name, version } = await versionOf(catalog, params);
  const bytes = await objects.get(paths.card(name, version));
  if (bytes === undefined) {
    throw new ServiceError('model_not_ready', `${name}:${version} is being published`, { retryAfterS: 1 });
  }
  const card = JSON.parse(Buffer.from(bytes).toString('utf8')) as ModelCard;
  if (!/\btext\/markdown\b/i.test(accept)) return { body: card };
  return { body: card, text: cardMarkdown(card), headers: { 'content-type': 'text/markdown; charset=utf-8' } };
}

async function deleteModel(
  { catalog, objects, storedBytes, models }: TenantStores,
  name: string | undefined,
): Promise<Reply<'deleteModel'>> {
  const model = await modelByName(catalog, name);
  const versions = catalog.versions(model.name);
  for (;;) {
    const page = await versions.list({ limit: 100, order: 'ascending' });
    for (const { version, bytes } of page.data) {
      if (await versions.delete(versionId(version))) await storedBytes.giveBack(bytes);
    }
    if (!page.hasMore) break;
  }
  if (await catalog.models.delete(model.name)) await models.giveBack(1);
  await objects.deleteAll(paths.versions(model.name));
  return { body: { object: 'model', id: model.name, deleted: true } };
}

async function deleteVersion(
  { catalog, objects, storedBytes }: TenantStores,
  params: Readonly<Record<string, string>>,
): Promise<Reply<'deleteModelVersion'>> {
  const { id, name, version, bytes } = await versionOf(catalog, params);
  const model = await modelByName(catalog, name);
  const aliases = Object.entries({ ...model.aliases, latest: model.latest_version }).filter(([, n]) => n === version);
  if (aliases.length > 0) {
    const names = aliases.map(([alias]) => `"${alias}"`).join(', ');
    throw new ServiceError(
      'conflict',
      `${id} is what ${names} points to: point it elsewhere first, or delete the whole model`,
    );
  }
  if (await catalog.versions(name).delete(versionId(version))) await storedBytes.giveBack(bytes);
  await objects.deleteAll(paths.version(name, version));
  return { body: { object: 'model.version', id, deleted: true } };
}

/** `latest` is an alias like the others, but moves by itself. */
function showModel(model: Model): Model {
  return { ...model, aliases: { latest: model.latest_version, ...model.aliases } };
}

async function modelByName(catalog: TenantStores['catalog'], name = ''): Promise<Model> {
  const model = nameSchema.safeParse(name).success ? await catalog.models.get(name) : undefined;
  if (model === undefined) throw notFound('model', name);
  return model;
}

async function versionOf(
  catalog: TenantStores['catalog'],
  params: Readonly<Record<string, string>>,
): Promise<ModelVersion> {
  const model = await modelByName(catalog, params['name']);
  const text = params['version'] ?? '';
  const version = /^[1-9]\d{0,8}$/.test(text)
    ? await catalog.versions(model.name).get(versionId(Number(text)))
    : undefined;
  if (version === undefined) throw notFound('model', `${model.name}:${text}`);
  return version;
}
