/** What `rnn` refuses before anything is computed: features, layers and lengths that do not fit the task. */
import { RESERVED_IDS } from '../../data/text.ts';
import { ServiceError } from '../../errors.ts';
import type { DataShape, Task } from '../contract.ts';
import { withVocabulary } from '../network/embedding.ts';
import type { LayerSpec } from '../network/layer.ts';
import { checkLoss, checkOutput, layerName, planLayers } from '../network/network.ts';
import type { Network } from '../network/network.ts';
import { RNN_LAYERS } from './layers.ts';
import { layersOf, windowOf } from './params.ts';
import type { RnnParams } from './params.ts';
import { sequenceShape } from './sequences.ts';

/** A text's length is known once the training rows are read; before, shapes are worked out for this one. */
const ASSUMED_LENGTH = 128;

/** @throws invalid_request naming the parameter or the layer */
export function check(params: RnnParams, data: DataShape): void {
  const { task, features, classes, steps } = data;
  const [feature, ...others] = features;
  if (feature === undefined || others.length > 0) {
    throw invalid('/features', `rnn takes exactly one feature, a text or a tensor, got ${features.length}`);
  }
  checkLengths(params, task);
  const isText = feature.type === 'text';
  const isPerStep = steps !== undefined;
  const numbers = task === 'forecasting' ? windowOf(params).horizon : (steps?.[1] ?? 1);
  const outputs = task === 'classification' ? classes : numbers;
  const layers = layersOf(params, { task, outputs: outputs ?? 2, isText, isPerStep });
  checkFirst(layers, feature);
  const input = isText ? ([ASSUMED_LENGTH, 1] as const) : sequenceShape(feature.shape ?? []);
  const network = planLayers(RNN_LAYERS, withVocabulary(layers, isText ? RESERVED_IDS : undefined), input);
  checkSoftmax(network);
  if (isPerStep) checkSteps(steps, feature);
  checkOutput(network, RNN_LAYERS, { task, outputs: params.layers === undefined ? undefined : outputs, isPerStep });
  checkLoss(params, data);
}

/** Of sequences only the last layer's is a softmax over every step. */
function checkSoftmax({ layers }: Network): void {
  const at = layers.findIndex(({ activation, output }) => activation === 'softmax' && output.length !== 1);
  if (at === -1 || at === layers.length - 1) return;
  const { name, output } = layers[at]!;
  const message = `${name}: the activation softmax is for rows [batch, units], got ${RNN_LAYERS.formatRow(output)}: put "flatten" or a recurrent layer without "return_sequences" before it`;
  throw invalid(`/params/layers/${at}`, message);
}

function checkSteps([time]: readonly number[], { name, type, shape = [] }: DataShape['features'][number]): void {
  if (type !== 'text' && time === shape[0]) return;
  const got = type === 'text' ? 'a text' : `${shape[0]!} steps`;
  throw invalid('/target', `expected a target of as many steps as "${name}" has, which is ${got}; it has ${time}`);
}

function checkLengths(params: RnnParams, task: Task): void {
  if (task === 'forecasting') return;
  for (const name of ['window', 'horizon'] as const) {
    if (params[name] === undefined) continue;
    const message = `"${name}" is for forecasting: a ${task} takes its sequences as they are`;
    throw invalid(`/params/${name}`, message);
  }
}

/** Ids of text need an embedding; sequences of any length have no flat form. */
function checkFirst(layers: readonly LayerSpec[], { name, type, isRagged }: DataShape['features'][number]): void {
  const [first] = layers;
  if (type === 'text' && first?.kind !== 'embedding') {
    const message = `expected an embedding first, as "${name}" is a text, got ${first?.kind ?? 'no layer'}`;
    throw invalid('/params/layers/0', message);
  }
  const flat = layers.findIndex(({ kind }) => kind === 'flatten');
  if (flat === -1 || isRagged !== true) return;
  const message = `${layerName(layers, flat)}: expected sequences of one length, the rows of "${name}" differ: end with a recurrent layer without "return_sequences"`;
  throw invalid(`/params/layers/${flat}`, message);
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param });
}
