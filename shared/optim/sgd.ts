/** Gradient descent, plain and with (Nesterov) momentum, as Keras defines them: v = m v - lr g, then w + v, or w + m v - lr g. */
import * as z from 'zod';

import { clipped, common, fraction, optimizerKind, positive } from './optimizer.ts';
import type { Common, Optimizer } from './optimizer.ts';

interface SgdConfig extends Common {
  readonly learning_rate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
}

const schema = (momentum: number) =>
  z.strictObject({
    learning_rate: positive.default(0.01),
    momentum: fraction.default(momentum),
    nesterov: z.boolean().default(false),
    ...common,
  });

function create(config: SgdConfig): Optimizer {
  const { learning_rate, momentum, nesterov } = config;
  const hasVelocity = momentum > 0;
  return {
    slots: hasVelocity ? ['velocity'] : [],
    scalars: (_step, learningRate = learning_rate) => ({ learning_rate: learningRate }),
    update(g, { parameters, gradient, slots, scalars }) {
      const move = g.mul(clipped(g, gradient, config), scalars['learning_rate']!);
      if (!hasVelocity) return { parameters: g.sub(parameters, move), slots: {} };
      const velocity = g.sub(g.mul(slots['velocity']!, momentum), move);
      const change = nesterov ? g.sub(g.mul(velocity, momentum), move) : velocity;
      return { parameters: g.add(parameters, change), slots: { velocity } };
    },
  };
}

export const sgd = optimizerKind<SgdConfig>(schema(0), create);
export const momentum = optimizerKind<SgdConfig>(schema(0.9), create);
