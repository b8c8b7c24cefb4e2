/** The parameters of networks: a list of layers, each `{"<layer>": {parameters}}` or just its name, and how to train them. */
import * as z from 'zod';
import { messageOf } from '../../findings.ts';
import { optimizerSchema } from '../../optim/index.ts';
import type { LayerSpec, LayerTable } from './layer.ts';

/** One layer of a table, with its parameters' defaults. */
export function layerSchema(table: LayerTable) {
  const { kinds, coming } = table;
  return z.unknown().transform((value, context): LayerSpec => {
    const [entry, ...others] = entriesOf(value);
    if (entry === undefined || others.length > 0) {
      context.addIssue({
        code: 'custom',
        message: 'expected one layer, such as {"dense": {"units": 10}} or "flatten"',
      });
      return z.NEVER;
    }
    const [kind, config] = entry;
    const known = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    if (known === undefined) {
      const reason = coming.includes(kind) ? `the layer "${kind}" is not offered yet` : `unknown layer "${kind}"`;
      context.addIssue({ code: 'custom', message: `${reason}: expected one of ${Object.keys(kinds).join(', ')}` });
      return z.NEVER;
    }
    const result = known.schema.safeParse(config, { reportInput: true });
    if (result.success) return { kind, config: result.data as LayerSpec['config'] };
    for (const issue of result.error.issues) {
      const path = [kind, ...issue.path];
      const message =
        issue.code === 'unrecognized_keys'
          ? `${kind} has no parameter ${issue.keys.join(', ')}`
          : messageOf({ ...issue, path });
      context.addIssue({ code: 'custom', path, message });
    }
    return z.NEVER;
  });
}

export const layersSchema = (table: LayerTable) => z.array(layerSchema(table)).min(1).max(200);

export const LOSSES = ['sparse_categorical_crossentropy', 'mean_squared_error'] as const;

const monitored = ['loss', 'accuracy', 'r2', 'rmse', 'mae'] as const;
const monitors = [...monitored.map((name) => `validation_${name}` as const), 'loss', 'accuracy'] as const;

/** How networks are trained. */
export const trainingParams = {
  optimizer: optimizerSchema.default('adam'),
  loss: z
    .enum(LOSSES)
    .optional()
    .describe('Default: by the task, sparse_categorical_crossentropy or mean_squared_error.'),
  epochs: z.number().int().min(1).max(100_000).default(10),
  batch_size: z.number().int().min(1).max(65_536).default(32),
  early_stopping: z
    .strictObject({
      monitor: z
        .enum(monitors)
        .optional()
        .describe('Default: validation_loss, or loss where no rows are kept apart to validate with.'),
      patience: z.number().int().min(0).default(3),
      min_delta: z.number().min(0).default(0),
    })
    .optional()
    .describe('Ends when the figure has not improved for `patience` epochs; the best epoch is the model.'),
} as const;

export type TrainingParams = z.infer<z.ZodObject<typeof trainingParams>>;

/** [kind, parameters] of a layer as it is written; more or fewer where it is none. */
function entriesOf(value: unknown): [string, unknown][] {
  if (typeof value === 'string') return [[value, {}]];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}
