/** The operations of the control function: everything that is not inference. */
import type { ROUTES } from '../../contract.ts';
import type { ControlContext } from '../context.ts';
import { openApiDocument } from '../openapi.ts';
import { referencePage } from '../reference-page.ts';
import type { Operations } from '../operation.ts';
import { dataOperations } from './data.ts';
import { aliasOperations } from './aliases.ts';
import { batchOperations } from './batches.ts';
import { datasetOperations } from './datasets.ts';
import { jobOperations } from './jobs.ts';
import { modelOperations } from './models.ts';
import { openInferenceServer } from './open-inference.ts';
import { uploadOperations } from './uploads.ts';
import { usageOperations } from './usage.ts';
import { webhookOperations } from './webhooks.ts';

export type ControlOperation = Extract<(typeof ROUTES)[number], { function: 'control' }>['operation'];

export function controlOperations(context: ControlContext): Operations<ControlOperation> {
  // Made of some fifty schemas: a tenth of a second, and anybody may ask for it.
  let document: ReturnType<typeof openApiDocument> | undefined;
  return {
    getHealth: async () => ({ body: { status: 'ok' } }),
    getOpenApi: async () => ({
      body: (document ??= openApiDocument()),
      headers: { 'cache-control': 'public, max-age=300' },
    }),
    getDocs: async () => referencePage(),
    ...datasetOperations(context),
    ...jobOperations(context),
    ...batchOperations(context),
    ...modelOperations(context),
    ...aliasOperations(context),
    ...uploadOperations(context),
    ...usageOperations(context),
    ...openInferenceServer(context),
    ...webhookOperations(context),
    ...dataOperations(context),
  };
}
