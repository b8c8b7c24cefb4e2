/** The table of optimizers, and how a request names one: `{"adam": {"learning_rate": 0.001}}`, or just `"adam"`. */
import * as z from 'zod';

import { adam, adamw } from './adam.ts';
import type { Optimizer } from './optimizer.ts';
import { momentum, sgd } from './sgd.ts';

export const OPTIMIZERS = { sgd, momentum, adam, adamw } as const;

export type OptimizerName = keyof typeof OPTIMIZERS;

/** One optimizer's name with its hyper-parameters; those left out take their defaults. */
export const optimizerSchema = z.union([
  z.enum(Object.keys(OPTIMIZERS) as [OptimizerName, ...OptimizerName[]]),
  z.strictObject({ sgd: sgd.schema }),
  z.strictObject({ momentum: momentum.schema }),
  z.strictObject({ adam: adam.schema }),
  z.strictObject({ adamw: adamw.schema }),
]);

export type OptimizerSpec = z.input<typeof optimizerSchema>;

/** @throws {z.ZodError} naming the hyper-parameter that does not fit. */
export function createOptimizer(spec: OptimizerSpec): Optimizer {
  const parsed = optimizerSchema.parse(spec);
  const [name, config] =
    typeof parsed === 'string' ? [parsed, {}] : (Object.entries(parsed)[0] as [OptimizerName, unknown]);
  return OPTIMIZERS[name].create(config);
}
