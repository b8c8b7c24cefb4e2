/**
 * What the API's objects share. The schemas in this folder are the contract: request validation, TypeScript types, what is
 * stored in the catalog and the OpenAPI document are all made of them. Wire JSON is snake_case, and so are these types:
 * renaming keys back and forth would also rename a tenant's column names.
 */
import * as z from 'zod';

export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Names of datasets, jobs and models: they stand in paths and file names. */
export const nameSchema = z
  .string()
  .regex(
    NAME_PATTERN,
    'expected 1 to 63 letters, digits, dots, dashes or underscores, beginning with a letter or digit',
  );

/** Seconds since the epoch, UTC. */
export const timeSchema = z.number().int();

export const errorDetailSchema = z.object({
  pointer: z.string().optional(),
  row: z.number().int().optional(),
  column: z.string().optional(),
  message: z.string(),
  hint: z.string().optional(),
});

/** A list as the API answers it; `last_id` is the next call's `after`. */
export function listSchema<T extends z.ZodType>(item: T) {
  return z.object({
    object: z.literal('list'),
    data: z.array(item),
    has_more: z.boolean(),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
  });
}

/** Query parameters of every list. */
export const pageQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'expected the last_id of the page before')
    .optional(),
});

export type PageQuery = z.infer<typeof pageQuerySchema>;

export const deletedSchema = z.object({ object: z.string(), id: z.string(), deleted: z.literal(true) });

/** With what stays of it. */
export const deletedDatasetSchema = deletedSchema.extend({
  trained_model_versions: z.array(z.string()).describe('Versions that learned from it, name:version; they stay.'),
});
