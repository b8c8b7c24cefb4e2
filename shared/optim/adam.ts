/**
 * Adam and AdamW. Sources: D. Kingma, J. Ba, "Adam" (2015), algorithm 1; I. Loshchilov, F. Hutter, "Decoupled weight decay regularization" (2019).
 * With M = m / (1 - b1) and V = v / (1 - b2) the moments need no factor: M = b1 M + g, V = b2 V + g^2, and w - lr' M / (sqrt V + e'), where lr' and
 * e' take in the bias corrections of the step.
 */
import * as z from 'zod';

import { clipped, common, fraction, optimizerKind, positive } from './optimizer.ts';
import type { Common, Optimizer } from './optimizer.ts';

interface AdamConfig extends Common {
  readonly learning_rate: number;
  readonly beta_1: number;
  readonly beta_2: number;
  readonly epsilon: number;
  /** Decoupled: w is multiplied by 1 - lr weight_decay before the step. */
  readonly weight_decay: number;
}

const schema = (weightDecay: number) =>
  z.strictObject({
    learning_rate: positive.default(0.001),
    beta_1: fraction.default(0.9),
    beta_2: fraction.default(0.999),
    epsilon: positive.default(1e-7),
    weight_decay: z.number().min(0).default(weightDecay),
    ...common,
  });

function create(config: AdamConfig): Optimizer {
  const { beta_1, beta_2, epsilon, weight_decay } = config;
  return {
    slots: ['m', 'v'],
    // m^ = (1-b1) M / (1-b1^t), sqrt v^ = s sqrt V with s = sqrt((1-b2) / (1-b2^t)):  lr m^ / (sqrt v^ + e) = lr' M / (sqrt V + e / s)
    scalars(step, learningRate = config.learning_rate) {
      const s = Math.sqrt((1 - beta_2) / (1 - beta_2 ** step));
      return {
        learning_rate: (learningRate * (1 - beta_1)) / ((1 - beta_1 ** step) * s),
        epsilon: epsilon / s,
        ...(weight_decay > 0 && { decay: 1 - learningRate * weight_decay }),
      };
    },
    update(g, { parameters, gradient, slots, scalars }) {
      const direction = clipped(g, gradient, config);
      const m = g.add(g.mul(slots['m']!, beta_1), direction);
      const v = g.add(g.mul(slots['v']!, beta_2), g.mul(direction, direction));
      const change = g.mul(g.div(m, g.add(g.sqrt(v), scalars['epsilon']!)), scalars['learning_rate']!);
      const kept = scalars['decay'] ? g.mul(parameters, scalars['decay']) : parameters;
      return { parameters: g.sub(kept, change), slots: { m, v } };
    },
  };
}

export const adam = optimizerKind<AdamConfig>(schema(0), create);
export const adamw = optimizerKind<AdamConfig>(schema(0.004), create);
