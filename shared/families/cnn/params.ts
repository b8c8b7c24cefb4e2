/** The parameters of `cnn`: a list of layers, each `{"<layer>": {parameters}}` or just its name, and how to train them. */
import * as z from 'zod';
import { optimizerSchema } from '../../optim/index.ts';
import { COMING_LAYERS, LAYERS } from './layers.ts';

/** A layer with its parameters checked and their defaults filled in. */
export interface LayerSpec {
  readonly kind: string;
  readonly config: Readonly<Record<string, unknown>>;
}

const layer = z.unknown().transform((value, context): LayerSpec => {
  const [entry, ...others] = entriesOf(value);
  if (entry === undefined || others.length > 0) {
    context.addIssue({ code: 'custom', message: 'expected one layer, such as {"dense": {"units": 10}} or "flatten"' });
    return z.NEVER;
  }
  const [kind, config] = entry;
  const known = Object.hasOwn(LAYERS, kind) ? LAYERS[kind] : undefined;
  if (known === undefined) {
    const reason = COMING_LAYERS.includes(kind) ? `the layer "${kind}" is not offered yet` : `unknown layer "${kind}"`;
    context.addIssue({ code: 'custom', message: `${reason}: expected one of ${Object.keys(LAYERS).join(', ')}` });
    return z.NEVER;
  }
  const result = known.schema.safeParse(config);
  if (result.success) return { kind, config: result.data as LayerSpec['config'] };
  for (const issue of result.error.issues) {
    const unknown =
      issue.code === 'unrecognized_keys' ? `${kind} has no parameter ${issue.keys.join(', ')}` : issue.message;
    context.addIssue({ code: 'custom', path: [kind, ...issue.path], message: unknown });
  }
  return z.NEVER;
});

export const LOSSES = ['sparse_categorical_crossentropy', 'mean_squared_error'] as const;

const monitored = ['loss', 'accuracy', 'r2', 'rmse', 'mae'] as const;
const monitors = [...monitored.map((name) => `validation_${name}` as const), 'loss', 'accuracy'] as const;

export const cnnParams = z.strictObject({
  layers: z.array(layer).min(1).max(200),
  optimizer: optimizerSchema.default('adam'),
  loss: z
    .enum(LOSSES)
    .optional()
    .describe('Default: by the task, sparse_categorical_crossentropy or mean_squared_error.'),
  epochs: z.number().int().min(1).max(100_000).default(10),
  batch_size: z.number().int().min(1).max(65_536).default(32),
  early_stopping: z
    .strictObject({
      monitor: z.enum(monitors).default('validation_loss'),
      patience: z.number().int().min(0).default(3),
      min_delta: z.number().min(0).default(0),
    })
    .optional()
    .describe('Ends when the figure has not improved for `patience` epochs; the best epoch is the model.'),
});

export type CnnParams = z.infer<typeof cnnParams>;

/** [kind, parameters] of a layer as it is written; more or fewer where it is none. */
function entriesOf(value: unknown): [string, unknown][] {
  if (typeof value === 'string') return [[value, {}]];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}
