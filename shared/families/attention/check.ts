/** What `attention` refuses before anything is computed: features, lengths and layers that do not fit the task. */
import { ServiceError } from '../../errors.ts';
import { RESERVED_IDS } from '../../data/text.ts';
import type { DataShape, Task } from '../contract.ts';
import { withVocabulary } from '../network/embedding.ts';
import type { LayerSpec } from '../network/layer.ts';
import { checkLoss, checkOutput, layerName, planLayers } from '../network/network.ts';
import { ATTENTION_LAYERS } from './layers.ts';
import { sequenceShape } from './network.ts';
import { layersOf, windowOf } from './params.ts';
import type { AttentionParams } from './params.ts';

/** A text's length is known once the training rows are read; before, shapes are worked out for this one. */
const ASSUMED_LENGTH = 128;

export function check(params: AttentionParams, data: DataShape): void {
  const { task, features, classes } = data;
  const [feature, ...others] = features;
  if (feature === undefined || others.length > 0) {
    throw invalid('/features', `attention takes exactly one feature, a text or a tensor, got ${features.length}`);
  }
  checkLengths(params, task);
  const isText = feature.type === 'text';
  const isLanguage = task === 'language_modelling';
  const outputs = outputsOf(params, task, classes);
  const specs = layersOf(params, { task, outputs: outputs ?? RESERVED_IDS, isText });
  checkFirst(specs, feature);
  if (isLanguage) checkCausal(specs);
  const input = isText ? [isLanguage ? windowOf(params, task) : ASSUMED_LENGTH] : sequenceShape(feature.shape ?? []);
  const network = planLayers(ATTENTION_LAYERS, withVocabulary(specs, isText ? RESERVED_IDS : undefined), input);
  checkLoss(params, data);
  if (!isLanguage) {
    const isGiven = params.layers !== undefined;
    checkOutput(network, ATTENTION_LAYERS, { task, outputs: isGiven ? outputs : undefined });
  } else if (network.layers.at(-1)!.output.length !== 2) {
    throw invalid(
      '/params/layers',
      'language modelling predicts at every step: leave out layers that end the sequence',
    );
  }
}

function outputsOf(params: AttentionParams, task: Task, classes: number | undefined): number | undefined {
  if (task === 'classification') return classes;
  if (task === 'forecasting') return params.horizon ?? 1;
  return task === 'language_modelling' ? undefined : 1;
}

function checkLengths(params: AttentionParams, task: Task): void {
  if (params.horizon !== undefined && task !== 'forecasting') throw notFor('horizon', task, 'forecasting');
  if (params.window !== undefined && task !== 'forecasting' && task !== 'language_modelling')
    throw notFor('window', task, 'forecasting and language modelling');
}

function notFor(name: string, task: Task, tasks: string): ServiceError {
  return invalid(`/params/${name}`, `"${name}" is for ${tasks}: a ${task} takes its rows as they are`);
}

/** Ids of text need an embedding, and nothing else is one. */
function checkFirst(specs: readonly LayerSpec[], { name, type }: DataShape['features'][number]): void {
  const [first] = specs;
  if (type === 'text' && first?.kind !== 'embedding') {
    const message = `expected an embedding first, as "${name}" is a text, got ${first?.kind ?? 'no layer'}`;
    throw invalid('/params/layers/0', message);
  }
  const at = specs.findIndex(({ kind }, index) => kind === 'embedding' && (type !== 'text' || index > 0));
  if (at === -1) return;
  const reason = type === 'text' ? 'comes first' : `is for text, and "${name}" is a ${type}: use "dense"`;
  throw invalid(`/params/layers/${at}`, `an embedding ${reason}`);
}

function checkCausal(specs: readonly LayerSpec[]): void {
  const seeing = specs.findIndex(({ kind, config }) => ATTENTION_LAYERS.kinds[kind]?.isCausal?.(config) === false);
  if (seeing !== -1) {
    const message = `${layerName(specs, seeing)}: a layer of a language model may not see later steps: use transformer_decoder, or "causal": true in multi_head_attention`;
    throw invalid(`/params/layers/${seeing}`, message);
  }
  if (specs[0]?.config['mask_zero'] === false)
    throw invalid('/params/layers/0', 'embedding_1: language modelling needs "mask_zero": true');
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param });
}
