/** Datasets: the body that makes one and the object the API answers. */
import * as z from 'zod';
import { errorDetailSchema, nameSchema, timeSchema } from './common.ts';

export const DATASET_FORMATS = ['csv', 'jsonl', 'idx', 'parquet'] as const;
export type DatasetFormat = (typeof DATASET_FORMATS)[number];

/** The files a dataset is uploaded as. */
export const UPLOAD_PARTS = {
  csv: ['data'],
  jsonl: ['data'],
  idx: ['images', 'labels'],
  parquet: ['data'],
} as const satisfies Record<DatasetFormat, readonly string[]>;

/** The fields of a request that may hold the data themselves. */
const INLINE_FIELDS = {
  csv: ['csv'],
  jsonl: ['rows'],
  idx: ['images', 'labels'],
  parquet: [],
} as const satisfies Record<DatasetFormat, readonly string[]>;

/** Data that travels in the request; larger data are uploaded. Lambda takes 6 MB, the rest is for the frame. */
export const INLINE_MAX_BYTES = 5_000_000;

/** The limits of a dataset's columns (shared/data/table-builder.ts): more could not be in the data. */
const MAX_COLUMNS = 2_000;
const MAX_NAME_CHARS = 200;

const columnTypeSchema = z.enum(['number', 'integer', 'boolean', 'category', 'text', 'datetime', 'tensor']);

export const createDatasetSchema = z
  .strictObject({
    name: nameSchema,
    format: z.enum(DATASET_FORMATS),
    csv: z.string().optional().describe('The file itself, up to 5 MB (format csv).'),
    rows: z
      .array(z.record(z.string(), z.unknown()))
      .optional()
      .describe('Rows as objects, up to 5 MB; nested arrays become tensor columns (format jsonl).'),
    images: z.base64().optional().describe('An IDX file of images, gzip or not, in base64 (format idx).'),
    labels: z.base64().optional().describe('The IDX file of their labels, gzip or not, in base64 (format idx).'),
    columns: z
      .record(z.string().max(MAX_NAME_CHARS), columnTypeSchema)
      .refine((columns) => Object.keys(columns).length <= MAX_COLUMNS, `expected at most ${MAX_COLUMNS} columns`)
      .optional()
      .describe('Types of columns by name, where they should not be inferred.'),
    csv_options: z
      .strictObject({ delimiter: z.enum(['auto', ',', ';', '\t', '|']).optional(), header: z.boolean().optional() })
      .optional(),
  })
  .superRefine((body, context) => {
    const allowed: readonly string[] = INLINE_FIELDS[body.format];
    const place =
      allowed.length === 0
        ? 'is uploaded to the URL that the answer names, and does not travel'
        : `takes its data in ${allowed.map((f) => `"${f}"`).join(' and ')}, not`;
    for (const field of ['csv', 'rows', 'images', 'labels'] as const) {
      if (body[field] === undefined || allowed.includes(field)) continue;
      context.addIssue({
        code: 'custom',
        path: [field],
        message: `a dataset of format ${body.format} ${place} in "${field}"`,
      });
    }
    if (body.csv_options !== undefined && body.format !== 'csv')
      context.addIssue({
        code: 'custom',
        path: ['csv_options'],
        message: `"csv_options" are of format csv, not of ${body.format}: leave them out`,
      });
    if (body.format !== 'idx') return;
    if (body.images !== undefined && body.labels === undefined)
      context.addIssue({
        code: 'custom',
        path: ['labels'],
        message: 'images came without labels: send both, or neither and upload them',
      });
    if (body.labels !== undefined && body.images === undefined)
      context.addIssue({
        code: 'custom',
        path: ['images'],
        message: 'labels came without images: send both, or neither and upload them',
      });
  });

export type CreateDataset = z.infer<typeof createDatasetSchema>;

export const uploadTargetSchema = z.object({
  method: z.literal('PUT'),
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  expires_at: timeSchema,
});

/** Where to send the data: one target, or for idx one for each of the two files. */
export const uploadSchema = uploadTargetSchema.extend({ parts: z.record(z.string(), uploadTargetSchema).optional() });

export type Upload = z.infer<typeof uploadSchema>;

export const columnProfileSchema = z.object({
  name: z.string(),
  type: columnTypeSchema,
  missing: z.number().int(),
  unique: z.number().int().optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  mean: z.number().optional(),
  std: z.number().optional(),
  top: z.array(z.object({ value: z.union([z.string(), z.number(), z.boolean()]), count: z.number().int() })).optional(),
  shape: z.array(z.number().int()).optional(),
  ragged: z
    .boolean()
    .optional()
    .describe('Rows of a tensor column differ in their first size; `shape` is that of the longest.'),
});

export const datasetSchema = z.object({
  id: z.string(),
  object: z.literal('dataset'),
  name: z.string(),
  format: z.enum(DATASET_FORMATS),
  status: z.enum(['awaiting_upload', 'profiling', 'ready', 'invalid']),
  rows: z.number().int().optional(),
  columns: z.array(columnProfileSchema).optional(),
  errors: z.array(errorDetailSchema).optional(),
  bytes: z.number().int().optional(),
  sha256: z.string().optional(),
  upload: uploadSchema.optional(),
  created_at: timeSchema,
});

export type Dataset = z.infer<typeof datasetSchema>;

/** What the catalog keeps of a dataset besides what the API shows. */
export interface DatasetRecord extends Omit<Dataset, 'upload'> {
  /** When the upload was complete: data that are not read an hour later never will be. */
  readonly profiling_since?: number;
  /** Of the plan when the dataset was made: ingest has no plan at hand. */
  readonly stored_bytes_limit?: number;
  /** How the readers should take the upload. */
  readonly reading: Pick<CreateDataset, 'columns' | 'csv_options'>;
}
