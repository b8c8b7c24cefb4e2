/** Models and their immutable versions. */
import * as z from 'zod';
import { aliasTargetSchema } from './alias.ts';
import type { AliasTarget } from './alias.ts';
import { nameSchema, timeSchema } from './common.ts';
import { fairnessSchema, overviewSchema } from './overview.ts';
import { uploadTargetSchema } from './dataset.ts';
import { TASKS } from './job.ts';

const tensorSchema = z.object({
  name: z.string(),
  type: z.string(),
  shape: z.array(z.number().int()).describe('-1 is a variable dimension'),
});

/** What the checks found in an uploaded model, and what happened when it was run on zeros. */
const lintSchema = z.object({
  bytes: z.number().int(),
  findings: z
    .array(z.object({ check: z.string(), message: z.string(), node: z.string().optional() }))
    .describe('Why it was refused; none for a model that is served.'),
  content: z
    .object({
      ir_version: z.number().int(),
      opsets: z.record(z.string(), z.number().int()),
      producer: z.string(),
      nodes: z.number().int(),
      ops: z.record(z.string(), z.number().int()),
      inputs: z.array(tensorSchema),
      outputs: z.array(tensorSchema),
      estimated_memory_bytes: z.number(),
      work_hangs_on_data: z
        .boolean()
        .optional()
        .describe('How long it runs hangs on the values that it is given, and not on their shapes alone.'),
    })
    .optional(),
  trial: z
    .object({
      status: z.enum(['ran', 'not_run', 'failed']),
      message: z.string().optional(),
      inputs: z.record(z.string(), z.array(z.number().int())).optional(),
      outputs: z.record(z.string(), z.array(z.number().int())).optional(),
      load_seconds: z.number().optional(),
      run_seconds: z.number().optional(),
      peak_memory_bytes: z.number().optional(),
    })
    .optional(),
});

export type Lint = z.infer<typeof lintSchema>;

/** The versions of a job are ready when they are there. */
const versionStatusSchema = z.enum(['awaiting_upload', 'linting', 'ready', 'refused']);

export const createModelSchema = z.strictObject({ name: nameSchema });

export const modelVersionSchema = z.object({
  id: z.string().describe('name:version'),
  object: z.literal('model.version'),
  name: z.string(),
  version: z.number().int(),
  status: versionStatusSchema.optional(),
  task: z.enum(TASKS).optional().describe('Of an upload it is not known.'),
  family: z.string().describe('"onnx" for an upload.'),
  job: z.string().optional(),
  dataset: z.string().optional(),
  metrics: z.object({ train: z.record(z.string(), z.number()), validation: z.record(z.string(), z.number()) }),
  bytes: z.number().int(),
  sha256: z.string(),
  upload: uploadTargetSchema.optional(),
  lint: lintSchema.optional(),
  created_at: timeSchema,
});

export type ModelVersion = z.infer<typeof modelVersionSchema>;

/** What the catalog keeps of a version besides what the API shows. */
export interface ModelVersionRecord extends Omit<ModelVersion, 'upload'> {
  /** Of an upload: the id of its check, and what its bytes may come to. */
  readonly check?: string;
  readonly stored_bytes_limit?: number;
}

export const modelSchema = z.object({
  id: z.string(),
  object: z.literal('model'),
  name: z.string(),
  latest_version: z.number().int().describe('0 while no version is ready.'),
  first_job: z.string().optional().describe('The job that made its first version.'),
  aliases: z.record(z.string(), aliasTargetSchema),
  ready: z.boolean().describe('KServe V1 asks for it: a version can be served'),
  created_at: timeSchema,
  updated_at: timeSchema,
});

export type Model = z.infer<typeof modelSchema>;

/** As it is stored. */
export interface ModelRecord extends Omit<Model, 'ready'> {
  /** What each alias pointed to before, the newest last. */
  readonly alias_history?: Readonly<Record<string, readonly AliasTarget[]>>;
}

/** What a version is: its data, parameters, results, and how to make it again. */
export const cardSchema = z.object({
  object: z.literal('model.card'),
  id: z.string(),
  name: z.string(),
  version: z.number().int(),
  task: z.enum(TASKS),
  family: z.string(),
  created_at: timeSchema,
  data: z.object({
    dataset: z.string(),
    name: z.string(),
    rows: z.number().int(),
    sha256: z.string(),
    target: z.string().optional(),
    features: z.array(z.object({ name: z.string(), type: z.string(), shape: z.array(z.number().int()).optional() })),
    classes: z.array(z.union([z.string(), z.number(), z.boolean()])).optional(),
  }),
  metrics: z.object({ train: z.record(z.string(), z.number()), validation: z.record(z.string(), z.number()) }),
  file: z.object({ bytes: z.number().int(), sha256: z.string(), max_difference_to_trainer: z.number() }),
  limits: z.array(z.string()),
  overview: overviewSchema.optional(),
  fairness: fairnessSchema.optional(),
  /** The body of POST /v1/jobs that makes it again, bit for bit on the same number of threads. */
  reproduce: z.object({ job: z.record(z.string(), z.unknown()), threads: z.number().int() }),
});

export type ModelCard = z.infer<typeof cardSchema>;

export const artifactSchema = z.object({
  object: z.literal('model.artifact'),
  id: z.string(),
  url: z.string(),
  sha256: z.string(),
  bytes: z.number().int(),
  expires_at: timeSchema,
});
