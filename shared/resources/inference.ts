/**
 * Bodies of the Open Inference Protocol v2 (with Triton's binary and classification parameters). Fields that are not of the
 * protocol are let pass, as servers of it do. Source: open_inference_rest.yaml and inference_rest.md.
 */
import * as z from 'zod';

const parametersSchema = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
  .describe('Names and values; a value is a string, a number or a boolean');

/** Checked element by element when the tensor is made, which knows its type. */
const tensorDataSchema = z
  .custom<readonly unknown[]>(Array.isArray, 'expected an array, nested or flat')
  .meta({ type: 'array', items: {}, description: 'Row-major, nested or flat' });

const inputSchema = z.looseObject({
  name: z.string(),
  shape: z.array(z.number().int().min(0)),
  datatype: z.string(),
  parameters: parametersSchema.optional(),
  data: tensorDataSchema.optional(),
});

const outputSchema = z.looseObject({ name: z.string(), parameters: parametersSchema.optional() });

export const inferRequestSchema = z.looseObject({
  id: z.string().optional(),
  parameters: parametersSchema.optional(),
  inputs: z.array(inputSchema),
  outputs: z.array(outputSchema).optional(),
});

export const inferResponseSchema = z.object({
  model_name: z.string(),
  model_version: z.string(),
  id: z.string().optional(),
  outputs: z.array(
    z.object({
      name: z.string(),
      shape: z.array(z.number().int()),
      datatype: z.string(),
      parameters: parametersSchema.optional(),
      data: tensorDataSchema.optional(),
    }),
  ),
});

const tensorMetadataSchema = z.object({
  name: z.string(),
  datatype: z.string(),
  shape: z.array(z.number().int()).describe('-1 is a variable dimension'),
});

export const modelMetadataSchema = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.literal('onnx_onnxv1'),
  inputs: z.array(tensorMetadataSchema),
  outputs: z.array(tensorMetadataSchema),
});

export const modelReadySchema = z.object({ name: z.string(), ready: z.literal(true) });

export const serverMetadataSchema = z.object({
  name: z.string(),
  version: z.string(),
  extensions: z.array(z.string()),
});

export const indexRequestSchema = z.looseObject({ ready: z.boolean().optional() }).default({});

export const indexSchema = z.array(
  z.object({ name: z.string(), version: z.string(), state: z.literal('READY'), reason: z.string() }),
);

export type ModelIndex = z.infer<typeof indexSchema>;

/** Bodies of load and unload: parameters that this server has no use for. */
export const repositoryRequestSchema = z
  .looseObject({ parameters: z.record(z.string(), z.unknown()).optional() })
  .default({});
