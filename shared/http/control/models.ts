/** Models: what succeeded jobs published, and the ONNX files themselves. */
import { epochS } from '../../clock.ts';
import { ServiceError } from '../../errors.ts';
import { versionsOfTarget } from '../../resources/alias.ts';
import { NAME_PATTERN } from '../../resources/common.ts';
import { UPLOADED_FAMILY } from '../../resources/model-ref.ts';
import type { ModelCard } from '../../resources/model.ts';
import { versionId } from '../../stores/catalog.ts';
import { paths } from '../../stores/objects.ts';
import { listOf, tenantOf } from '../context.ts';
import type { ControlContext } from '../context.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import type { Call, Operations, Reply } from '../operation.ts';
import { requireReady } from '../ready.ts';
import { cardMarkdown } from './card-markdown.ts';
import { modelByName, showModel, versionOf } from './model-record.ts';
import { showVersion } from './uploads.ts';

type ModelOperation =
  | 'listModels'
  | 'getModel'
  | 'deleteModel'
  | 'getModelVersion'
  | 'deleteModelVersion'
  | 'getModelArtifact'
  | 'getModelCard';

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

    getModelCard: (call) => getModelCard(call, context),

    async getModelVersion({ caller, params }) {
      const { catalog, objects } = tenantOf(context, caller);
      return { body: await showVersion(await versionOf(catalog, params), objects, context) };
    },

    async getModelArtifact({ caller, params }) {
      const { catalog, objects } = tenantOf(context, caller);
      const version = await versionOf(catalog, params);
      requireReady(version);
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

async function getModelCard(
  { caller, params, accept }: Call<'getModelCard'>,
  context: ControlContext,
): Promise<Reply<'getModelCard'>> {
  const { catalog, objects } = tenantOf(context, caller);
  const record = await versionOf(catalog, params);
  requireReady(record);
  const { id, name, version, family } = record;
  if (family === UPLOADED_FAMILY)
    throw new ServiceError('not_found', `${id} was uploaded and has no card: GET it itself for what is known of it`);
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
  refuseWhereNamed(model.name, Object.keys(model.aliases), 'delete the alias first');
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
  const aliases = Object.entries(showModel(model).aliases).filter(([, target]) =>
    versionsOfTarget(target).includes(version),
  );
  const names = aliases.map(([alias]) => alias);
  refuseWhereNamed(id, names, 'point it elsewhere first, or delete the whole model');
  if (await catalog.versions(name).delete(versionId(version))) await storedBytes.giveBack(bytes);
  await objects.deleteAll(paths.version(name, version));
  return { body: { object: 'model.version', id, deleted: true } };
}

/** @throws {ServiceError} conflict where aliases point there */
function refuseWhereNamed(id: string, aliases: readonly string[], hint: string): void {
  if (aliases.length === 0) return;
  const names = aliases.map((alias) => `"${alias}"`).join(', ');
  throw new ServiceError('conflict', `${id} is what ${names} points to: ${hint}`);
}
