/** The network of an `attention` model: its layers planned over token ids or sequences. */
import * as z from 'zod';
import type { ModelShape } from '../contract.ts';
import { withVocabulary } from '../network/embedding.ts';
import { layer } from '../network/layer.ts';
import type { LayerSpec, LayerTable } from '../network/layer.ts';
import { planLayers } from '../network/network.ts';
import type { Network } from '../network/network.ts';
import { ATTENTION_LAYERS } from './layers.ts';
import { layersOf } from './params.ts';
import type { AttentionParams } from './params.ts';
import { requireSequences } from './shapes.ts';

/** The last step that is no padding, all others left out: what a language model predicts from. Not a layer that a job may name. */
const lastStep = layer({
  schema: z.strictObject({}),
  plan: (_, input) => requireSequences(input) ?? { output: [input[1]!] },
  build(g, x, _, { mask }) {
    const [, time] = x.shape as [number | string, number, number];
    const last = mask!;
    const following = g.pad(g.slice(last, { axis: 1, start: 1 }), { begin: [0, 0], end: [0, 1] });
    const chosen = g.reshape(g.sub(last, following), [last.shape[0]!, time, 1]);
    return g.reduceSum(g.mul(x, chosen), { axes: [1] });
  },
});

const SERVED_LAYERS: LayerTable = { ...ATTENTION_LAYERS, kinds: { ...ATTENTION_LAYERS.kinds, last_step: lastStep } };

/** Layers that treat every step alike: what they make of other steps than the last need not be computed. */
const POINTWISE: ReadonlySet<string> = new Set(['dense', 'activation', 'dropout', 'layer_normalization']);

export function networkOf(model: ModelShape<AttentionParams>, { isLastStep = false } = {}): Network {
  const { params, task, input, vocabulary } = model;
  const isLanguage = task === 'language_modelling';
  const ends = { task, outputs: isLanguage ? vocabulary! : model.outputs, isText: vocabulary !== undefined };
  const layers = withVocabulary(layersOf(params, ends), vocabulary);
  // A row of a language model holds one token more than its context.
  const shape = isLanguage ? [input[0]! - 1] : input;
  return isLastStep
    ? planLayers(SERVED_LAYERS, atLastStep(layers), shape)
    : planLayers(ATTENTION_LAYERS, layers, shape);
}

function atLastStep(layers: readonly LayerSpec[]): LayerSpec[] {
  const mixing = layers.findLastIndex(({ kind }) => !POINTWISE.has(kind));
  return layers.toSpliced(mixing + 1, 0, { kind: 'last_step', config: {} });
}

/** [time, features] of a tensor [time], [time, features] or [time, ...]. */
export function sequenceShape([time = 1, ...rest]: readonly number[]): [number, number] {
  return [time, rest.reduce((product, size) => product * size, 1)];
}
