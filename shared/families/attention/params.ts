/** The parameters of `attention`: a list of layers, or the shorthand of a transformer's sizes, and how to train them. */
import * as z from 'zod';
import type { Task } from '../contract.ts';
import type { LayerSpec } from '../network/layer.ts';
import { positive } from '../network/layers.ts';
import { layersSchema, trainingParams } from '../network/params.ts';
import type { BlockConfig } from './blocks.ts';
import { ATTENTION_LAYERS } from './layers.ts';

const DEFAULT_BLOCKS = 2;
const DEFAULT_WIDTH = 64;
const DEFAULT_HEADS = 4;
/** Times the width: of a block's inner layer. */
const FF_FACTOR = 4;
const DEFAULT_WINDOWS: Readonly<Partial<Record<Task, number>>> = { forecasting: 24, language_modelling: 64 };

/** What stands in place of `layers`. */
export const SHORTHAND = ['num_heads', 'd_model', 'blocks', 'ff_dim', 'dropout'] as const;

const steps = z.number().int().min(1).max(4096);

export const attentionParams = z
  .strictObject({
    layers: layersSchema(ATTENTION_LAYERS).optional(),
    blocks: z.number().int().min(1).max(48).optional().describe('In place of `layers`: that many transformer blocks.'),
    d_model: positive.optional(),
    num_heads: positive.optional(),
    ff_dim: positive.optional(),
    dropout: z.number().min(0).lt(1).optional(),
    window: steps.optional().describe('Forecasting: past values; language modelling: tokens of context.'),
    horizon: steps.optional().describe('Forecasting: how many values ahead.'),
    ...trainingParams,
  })
  .superRefine((params, context) => {
    if (params.layers === undefined) return;
    const extra = SHORTHAND.find((name) => params[name] !== undefined);
    if (extra === undefined) return;
    context.addIssue({ code: 'custom', path: [extra], message: 'stands in place of "layers": give one of the two' });
  });

export type AttentionParams = z.infer<typeof attentionParams>;

export function windowOf(params: AttentionParams, task: Task): number {
  return params.window ?? DEFAULT_WINDOWS[task] ?? 1;
}

export interface Ends {
  readonly task: Task;
  /** Classes, numbers, or the vocabulary of a language model. */
  readonly outputs: number;
  readonly isText: boolean;
}

/** The layers as given, or those that the shorthand stands for; a language model ends in a dense layer over its vocabulary either way. */
export function layersOf(params: AttentionParams, { task, outputs, isText }: Ends): readonly LayerSpec[] {
  const isLanguage = task === 'language_modelling';
  const last = { units: outputs, activation: task === 'classification' ? 'softmax' : 'linear' };
  const head = { kind: 'dense', config: last };
  if (params.layers !== undefined) return isLanguage ? [...params.layers, head] : params.layers;
  const { blocks = DEFAULT_BLOCKS, d_model: width = DEFAULT_WIDTH, num_heads = DEFAULT_HEADS, dropout = 0 } = params;
  const epsilon = 1e-3;
  const config: BlockConfig = {
    num_heads,
    ff_dim: params.ff_dim ?? FF_FACTOR * width,
    dropout,
    norm: 'pre',
    activation: 'gelu',
    epsilon,
  };
  const first = isText
    ? { kind: 'embedding', config: { output_dim: width, mask_zero: true } }
    : { kind: 'dense', config: { units: width, activation: 'linear' } };
  const kind = isLanguage ? 'transformer_decoder' : 'transformer_encoder';
  return [
    first,
    { kind: 'positional_encoding', config: { type: 'learned' } },
    ...Array.from({ length: blocks }, () => ({ kind, config: { ...config } })),
    { kind: 'layer_normalization', config: { epsilon } },
    ...(isLanguage ? [] : [{ kind: 'global_average_pooling1d', config: {} }]),
    head,
  ];
}
