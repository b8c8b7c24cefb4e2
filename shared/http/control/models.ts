/** Models: what succeeded jobs published, and the ONNX files themselves. */
import { epochS } from '../../clock.ts';
import { nameSchema } from '../../resources/common.ts';
import type { Model, ModelVersion } from '../../resources/model.ts';
import { versionId } from '../../stores/catalog.ts';
import { paths } from '../../stores/objects.ts';
import { listOf, notFound, tenantOf } from '../context.ts';
import type { ControlContext } from '../context.ts';
import type { TenantStores } from '../../stores/tenant-stores.ts';
import type { Operations } from '../operation.ts';

type ModelOperation = 'listModels' | 'getModel' | 'getModelVersion' | 'getModelArtifact';

const DOWNLOAD_EXPIRES_S = 3600;

export function modelOperations(context: ControlContext): Operations<ModelOperation> {
  return {
    async listModels({ caller, query }) {
      const { catalog } = tenantOf(context, caller);
      return {
        body: await listOf(catalog.models, query, {
          order: 'ascending',
          idOf: ({ name }) => name,
          show: (model) => model,
        }),
      };
    },

    async getModel({ caller, params }) {
      return { body: await modelByName(tenantOf(context, caller).catalog, params['name']) };
    },

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
