/** Open Inference Protocol v2, with the extensions binary_tensor_data, classification and model_repository. */
import * as z from 'zod';
import {
  indexRequestSchema,
  indexSchema,
  inferRequestSchema,
  inferResponseSchema,
  modelMetadataSchema,
  modelReadySchema,
  repositoryRequestSchema,
  serverMetadataSchema,
} from '../../resources/inference.ts';
import type { OperationSpec } from './spec.ts';

const tag = 'Open Inference Protocol v2';
const model = { ref: 'name, name@alias or name:version' };
const version = { ref: "The model's name", version: 'The version, 1 or more' };

const infer = {
  tag,
  summary: 'Run the graph on its own tensors: JSON, or tensors as bytes behind the JSON',
  body: inferRequestSchema,
  media: ['application/json', 'application/octet-stream'],
  example: {
    id: '42',
    inputs: [
      { name: 'length', shape: [1, 1], datatype: 'FP64', data: [1.5] },
      { name: 'width', shape: [1, 1], datatype: 'FP64', data: [0.2] },
    ],
  },
  status: 200,
  answer: inferResponseSchema,
} as const;

export const OPEN_INFERENCE_SPECS = {
  v2ServerMetadata: { tag, summary: 'The server and its extensions', status: 200, answer: serverMetadataSchema },
  v2ServerLive: {
    tag,
    summary: 'Whether the server answers',
    status: 200,
    answer: z.object({ live: z.literal(true) }),
  },
  v2ServerReady: {
    tag,
    summary: 'Whether the server takes requests',
    status: 200,
    answer: z.object({ live: z.literal(true), ready: z.literal(true) }),
  },
  v2ModelMetadata: {
    tag,
    summary: "A model's inputs and outputs, as its file declares them",
    params: model,
    status: 200,
    answer: modelMetadataSchema,
  },
  v2ModelVersionMetadata: {
    tag,
    summary: "A version's inputs and outputs",
    params: version,
    status: 200,
    answer: modelMetadataSchema,
  },
  v2ModelReady: {
    tag,
    summary: 'Load a model and say that it is ready',
    params: model,
    status: 200,
    answer: modelReadySchema,
  },
  v2ModelVersionReady: {
    tag,
    summary: 'Load a version and say that it is ready',
    params: version,
    status: 200,
    answer: modelReadySchema,
  },
  v2Infer: { ...infer, params: model },
  v2InferVersion: { ...infer, params: version },
  v2RepositoryIndex: {
    tag,
    summary: 'Every version of every model',
    body: indexRequestSchema,
    example: { ready: true },
    status: 200,
    answer: indexSchema,
  },
  v2ListRepositoryIndex: { tag, summary: 'Every version of every model', status: 200, answer: indexSchema },
  v2LoadModel: {
    tag,
    summary: 'Load a model before its first request',
    params: model,
    body: repositoryRequestSchema,
    example: {},
    status: 200,
    answer: z.object({}),
  },
  v2UnloadModel: {
    tag,
    summary: 'Drop a model from memory',
    params: model,
    body: repositoryRequestSchema,
    example: {},
    status: 200,
    answer: z.object({}),
  },
} as const satisfies Record<string, OperationSpec>;
