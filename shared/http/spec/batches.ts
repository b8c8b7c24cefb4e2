/** The specifications of batch predictions. */
import * as z from 'zod';
import { batchOutputSchema, batchSchema, createBatchSchema } from '../../resources/batch.ts';
import { deletedSchema, listSchema, pageQuerySchema } from '../../resources/common.ts';
import type { OperationSpec } from './spec.ts';

const batchId = { id: 'The batch, batch_...' };
const noBody = z.strictObject({}).default({});

export const BATCH_SPECS = {
  createBatch: {
    tag: 'Batches',
    summary: 'Predict every row of a dataset, or more instances than one request answers',
    body: createBatchSchema,
    example: { model: 'flowers', dataset: 'ds_01j9z3k4m5n6p7q8r9s0t1v2w3' },
    status: 202,
    answer: batchSchema,
  },
  listBatches: {
    tag: 'Batches',
    summary: 'Batches, newest first',
    query: pageQuerySchema,
    exampleQuery: { limit: 20 },
    status: 200,
    answer: listSchema(batchSchema),
  },
  getBatch: {
    tag: 'Batches',
    summary: 'One batch with its progress and cost',
    params: batchId,
    status: 200,
    answer: batchSchema,
  },
  getBatchOutput: {
    tag: 'Batches',
    summary: 'Where to download the output of a batch that has ended: JSON Lines, one line a row',
    params: batchId,
    status: 200,
    answer: batchOutputSchema,
  },
  cancelBatch: {
    tag: 'Batches',
    summary: 'Stop a batch; what is predicted is kept',
    params: batchId,
    body: noBody,
    example: {},
    status: 202,
    answer: batchSchema,
  },
  deleteBatch: {
    tag: 'Batches',
    summary: 'Delete a batch that has ended, and its output',
    params: batchId,
    status: 200,
    answer: deletedSchema,
  },
} as const satisfies Record<string, OperationSpec>;
