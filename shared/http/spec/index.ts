/** The specification of every operation in the contract's route table; a route without one does not compile. */
import * as z from 'zod';
import type { OperationId } from '../../contract.ts';
import {
  auditEntrySchema,
  auditVerificationSchema,
  eraseSchema,
  erasureSchema,
  verifyQuerySchema,
} from '../../resources/audit.ts';
import { deletedDatasetSchema, deletedSchema, listSchema, pageQuerySchema } from '../../resources/common.ts';
import { createDatasetSchema, datasetSchema } from '../../resources/dataset.ts';
import { createJobSchema, jobEstimateSchema, jobEventSchema, jobSchema } from '../../resources/job.ts';
import { aliasSchema } from '../../resources/alias.ts';
import {
  artifactSchema,
  cardSchema,
  createModelSchema,
  modelSchema,
  modelVersionSchema,
} from '../../resources/model.ts';
import { limitSchema, usageQuerySchema, usageSchema } from '../../resources/usage.ts';
import { webhookSecretSchema } from '../../resources/webhook.ts';
import { BATCH_SPECS } from './batches.ts';
import { DIALECT_SPECS } from './dialects.ts';
import { OPEN_INFERENCE_SPECS } from './open-inference.ts';
import { PREDICTION_SPECS } from './predictions.ts';
import type { OperationSpec } from './spec.ts';

const datasetId = { id: 'The dataset, ds_...' };
const jobId = { id: 'The job, job_...' };
const modelName = { name: "The model's name" };
const modelVersion = { ...modelName, version: 'The version, 1 or more' };
const aliasParams = { ...modelName, alias: 'The alias, such as live' };
const noBody = z.strictObject({}).default({});

export const SPECS = {
  getHealth: {
    tag: 'Service',
    summary: 'Whether the service answers',
    status: 200,
    answer: z.object({ status: z.literal('ok') }),
  },
  getOpenApi: { tag: 'Service', summary: 'This document', status: 200, answer: z.record(z.string(), z.unknown()) },
  getDocs: {
    tag: 'Service',
    summary: 'This document as a page for people',
    status: 200,
    answer: z.string(),
    answerType: 'text/html',
  },
  createDataset: {
    tag: 'Datasets',
    summary: 'Make a dataset: with its data (up to 5 MB), or with a place to upload them to',
    body: createDatasetSchema,
    example: { name: 'flowers', format: 'csv', csv: 'length,width,kind\n1.4,0.2,setosa\n4.7,1.4,versicolor\n' },
    status: 201,
    answer: datasetSchema,
  },
  listDatasets: {
    tag: 'Datasets',
    summary: 'Datasets, newest first',
    query: pageQuerySchema,
    exampleQuery: { limit: 20 },
    status: 200,
    answer: listSchema(datasetSchema),
  },
  getDataset: {
    tag: 'Datasets',
    summary: 'One dataset with its columns or its errors',
    params: datasetId,
    status: 200,
    answer: datasetSchema,
  },
  deleteDataset: {
    tag: 'Datasets',
    summary: 'Delete a dataset and its data',
    params: datasetId,
    status: 200,
    answer: deletedDatasetSchema,
  },
  completeDataset: {
    tag: 'Datasets',
    summary: 'Say that the upload is done; the data are then read and checked',
    params: datasetId,
    body: noBody,
    example: {},
    status: 202,
    answer: datasetSchema,
  },
  createJob: {
    tag: 'Jobs',
    summary: 'Train a model',
    body: createJobSchema,
    example: {
      name: 'flowers',
      task: 'classification',
      family: 'logistic_regression',
      dataset: 'ds_01j9z3k4m5n6p7q8r9s0t1v2w3',
      target: 'kind',
      validation: { fraction: 0 },
    },
    status: 202,
    answer: jobSchema,
  },
  estimateJob: {
    tag: 'Jobs',
    summary: 'What a job would take, from its first steps; the same body',
    body: createJobSchema,
    example: {
      name: 'flowers',
      task: 'classification',
      family: 'logistic_regression',
      dataset: 'ds_01j9z3k4m5n6p7q8r9s0t1v2w3',
      target: 'kind',
      validation: { fraction: 0 },
    },
    status: 200,
    answer: jobEstimateSchema,
  },
  listJobs: {
    tag: 'Jobs',
    summary: 'Jobs, newest first',
    query: pageQuerySchema,
    exampleQuery: { limit: 20 },
    status: 200,
    answer: listSchema(jobSchema),
  },
  getJob: {
    tag: 'Jobs',
    summary: 'One job with its progress and metrics',
    params: jobId,
    status: 200,
    answer: jobSchema,
  },
  listJobEvents: {
    tag: 'Jobs',
    summary: "A job's events, oldest first: a list, or with Accept: text/event-stream a stream until the job ends",
    params: jobId,
    query: pageQuerySchema,
    exampleQuery: { limit: 20 },
    status: 200,
    answer: listSchema(jobEventSchema),
    alternatives: ['text/event-stream'],
  },
  cancelJob: {
    tag: 'Jobs',
    summary: 'Stop a job',
    params: jobId,
    body: noBody,
    example: {},
    status: 202,
    answer: jobSchema,
  },
  getWebhookSecret: {
    tag: 'Webhooks',
    summary: 'The secret that signs your webhooks (Standard Webhooks); made when it is first asked for',
    status: 200,
    answer: webhookSecretSchema,
  },
  rotateWebhookSecret: {
    tag: 'Webhooks',
    summary: 'Make a new secret; for a day webhooks carry a signature of the old one too',
    body: noBody,
    example: {},
    status: 200,
    answer: webhookSecretSchema,
  },
  listModels: {
    tag: 'Models',
    summary: 'Models by name',
    query: pageQuerySchema,
    exampleQuery: { limit: 20 },
    status: 200,
    answer: listSchema(modelSchema),
  },
  createModel: {
    tag: 'Models',
    summary: 'Upload an ONNX model of your own: the answer says where to',
    body: createModelSchema,
    example: { name: 'voices' },
    status: 201,
    answer: modelVersionSchema,
  },
  completeModelVersion: {
    tag: 'Models',
    summary: 'Say that the upload is done; the file is then checked, and tried',
    params: modelVersion,
    body: noBody,
    example: {},
    status: 202,
    answer: modelVersionSchema,
  },
  completeModel: {
    tag: 'Models',
    summary: 'The same for the id that the upload was answered with, or for the newest version of a name',
    params: { name: "name:version, or the model's name" },
    body: noBody,
    example: {},
    status: 202,
    answer: modelVersionSchema,
  },
  getModel: { tag: 'Models', summary: 'One model', params: modelName, status: 200, answer: modelSchema },
  getModelVersion: {
    tag: 'Models',
    summary: 'One version of a model',
    params: modelVersion,
    status: 200,
    answer: modelVersionSchema,
  },
  getModelArtifact: {
    tag: 'Models',
    summary: 'Where to download the ONNX file of a version',
    params: modelVersion,
    status: 200,
    answer: artifactSchema,
  },
  deleteModel: {
    tag: 'Models',
    summary: 'Delete a model with all its versions',
    params: modelName,
    status: 200,
    answer: deletedSchema,
  },
  deleteModelVersion: {
    tag: 'Models',
    summary: 'Delete a version that no alias points to',
    params: modelVersion,
    status: 200,
    answer: deletedSchema,
  },
  getModelCard: {
    tag: 'Models',
    summary: 'What a version is and how to make it again; Markdown by Accept: text/markdown',
    params: modelVersion,
    status: 200,
    answer: cardSchema,
    alternatives: ['text/markdown'],
  },
  putModelAlias: {
    tag: 'Models',
    summary: 'Point an alias to a version, or to several by weight',
    params: aliasParams,
    body: aliasSchema,
    example: { version: 1 },
    status: 200,
    answer: modelSchema,
  },
  deleteModelAlias: {
    tag: 'Models',
    summary: 'Delete an alias',
    params: aliasParams,
    status: 200,
    answer: modelSchema,
  },
  rollbackModelAlias: {
    tag: 'Models',
    summary: 'Point an alias to what it pointed to before',
    params: aliasParams,
    body: noBody,
    example: {},
    status: 200,
    answer: modelSchema,
  },
  ...PREDICTION_SPECS,
  ...BATCH_SPECS,
  ...OPEN_INFERENCE_SPECS,
  ...DIALECT_SPECS,
  getLimits: {
    tag: 'Limits and usage',
    summary: 'Limits, what is used of them and when they reset',
    status: 200,
    answer: listSchema(limitSchema),
  },
  getUsage: {
    tag: 'Limits and usage',
    summary: 'Usage by day, model or key',
    query: usageQuerySchema,
    exampleQuery: { from: '2026-11-01', to: '2026-11-30', group_by: 'model' },
    status: 200,
    answer: usageSchema,
  },
  getAudit: {
    tag: 'Audit and erasure',
    summary: 'Every change of this tenant, oldest first: who, what, when, and how it ended',
    query: pageQuerySchema,
    exampleQuery: { limit: 20 },
    status: 200,
    answer: listSchema(auditEntrySchema),
  },
  verifyAudit: {
    tag: 'Audit and erasure',
    summary:
      'Whether the chain of the audit log is whole, 10,000 entries a call; with a head that was kept (after, hash), whether what follows it is, and nothing was cut off',
    query: verifyQuerySchema,
    status: 200,
    answer: auditVerificationSchema,
  },
  eraseData: {
    tag: 'Audit and erasure',
    summary: 'Erase everything the tenant stored; 202 when there is more to do: send it again',
    body: eraseSchema,
    example: { confirm: 'the-id-of-another-tenant' },
    status: 200,
    answer: erasureSchema,
  },
} as const satisfies Record<OperationId, OperationSpec>;

export type Specs = typeof SPECS;
