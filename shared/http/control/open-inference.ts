/** Open Inference Protocol v2 without a model in memory: the server itself, and the index of its models. */
import type { Catalog } from '../../stores/catalog.ts';
import type { ModelIndex } from '../../resources/inference.ts';
import { tenantOf } from '../context.ts';
import type { ControlContext } from '../context.ts';
import type { Operations } from '../operation.ts';

type ServerOperation =
  'v2ServerMetadata' | 'v2ServerLive' | 'v2ServerReady' | 'v2RepositoryIndex' | 'v2ListRepositoryIndex';

const EXTENSIONS = ['binary_tensor_data', 'classification', 'model_repository'];

/** Models whose versions are read at once. */
const PARALLEL = 20;

export function openInferenceServer(context: ControlContext): Operations<ServerOperation> {
  return {
    v2ServerMetadata: async () => ({ body: { name: 'tenon', version: '1', extensions: EXTENSIONS } }),
    v2ServerLive: async () => ({ body: { live: true } }),
    v2ServerReady: async () => ({ body: { live: true, ready: true } }),
    v2RepositoryIndex: async ({ caller }) => ({ body: await indexOf(tenantOf(context, caller).catalog) }),
    v2ListRepositoryIndex: async ({ caller }) => ({ body: await indexOf(tenantOf(context, caller).catalog) }),
  };
}

/** Every version there is can be served, so that all of them are ready. */
async function indexOf(catalog: Catalog): Promise<ModelIndex> {
  const index: ModelIndex = [];
  for (let after: string | undefined, isLast = false; !isLast;) {
    const page = await catalog.models.list({ limit: PARALLEL, after, order: 'ascending' });
    const versions = await Promise.all(page.data.map(({ name }) => versionsOf(catalog, name)));
    index.push(...versions.flat());
    after = page.data.at(-1)?.name;
    isLast = !page.hasMore;
  }
  return index;
}

async function versionsOf(catalog: Catalog, name: string): Promise<ModelIndex> {
  const { data } = await catalog.versions(name).list({ limit: 1_000, order: 'ascending' });
  return data
    .filter(({ status = 'ready' }) => status === 'ready')
    .map(({ version }) => ({ name, version: String(version), state: 'READY', reason: '' }));
}
