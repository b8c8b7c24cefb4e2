/**
 * Where in its sequence a step is, added to its features. Sinusoidal, by A. Vaswani et al. (2017), section 3.5: of the features 2i and 2i + 1 of F,
 * sin and cos of t / 10000^(2i / F). Learned: a row of weights per step.
 */
import * as z from 'zod';
import { fromNumbers } from '../../tensor/tensor.ts';
import { layer, smallUniform } from '../network/layer.ts';
import { requireSequences } from './shapes.ts';

export const POSITION_TYPES = ['sinusoidal', 'learned'] as const;
const WAVELENGTH = 10_000;

export const positionalEncoding = layer<{ readonly type: (typeof POSITION_TYPES)[number] }>({
  schema: z.strictObject({ type: z.enum(POSITION_TYPES).default('sinusoidal') }),
  plan({ type }, input) {
    const problem = requireSequences(input);
    if (problem !== undefined) return problem;
    return { output: input, ...(type === 'learned' ? { weights: { positions: smallUniform([...input]) } } : {}) };
  },
  build(g, x, _, { weights }) {
    const [, time, features] = x.shape as [number | string, number, number];
    const { positions } = weights;
    return g.add(x, positions ?? g.constant(fromNumbers('float32', sinusoids(time, features), [time, features])));
  },
});

/** [time, features] */
export function sinusoids(time: number, features: number): Float32Array {
  return Float32Array.from({ length: time * features }, (_, i) => {
    const [t, feature] = [Math.floor(i / features), i % features];
    const angle = t / WAVELENGTH ** ((feature - (feature % 2)) / features);
    return feature % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
}
