/**
 * Recurrent networks from a list of layers, with Keras's names, defaults and initialisation, over one feature: a text, or a tensor of sequences
 * [time, features] (an image is a sequence of its rows), [time] or [time, ...], of any lengths, or, in forecasting, windows of a series of numbers. The numbers
 * of a regression and of a forecast are learned in units of their standard deviation.
 */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { defineFamily, modelOf } from '../contract.ts';
import type { Family, ModelShape, Outputs, Problem } from '../contract.ts';
import { withVocabulary } from '../network/embedding.ts';
import { fitNetwork, startPosition } from '../network/fit.ts';
import type { Forward } from '../network/fit.ts';
import { buildNetwork, checkOutput, initialTensors, learnedWeights, planLayers } from '../network/network.ts';
import type { Network, NetworkInputs } from '../network/network.ts';
import { constantScale, scaleOf, scaleSeries, scaleTensors, splitScale, unscale } from '../network/scale.ts';
import { check } from './check.ts';
import { RNN_LAYERS } from './layers.ts';
import { layersOf, rnnParams, windowOf } from './params.ts';
import type { RnnParams } from './params.ts';
import { swapTime } from './recurrence.ts';
import { emitSequences, stepsOf } from './sequences.ts';

const family: Family<RnnParams> = {
  name: 'rnn',
  tasks: ['classification', 'regression', 'forecasting'],
  params: rnnParams,
  shorthand: ['units', 'cell'],
  featureTypes: ['text', 'tensor'],
  takesRagged: true,
  predictsSteps: true,
  standardize: true,
  readsBlocks: true,
  windowOf,
  // A series has few windows, and ten times over them teach next to nothing.
  forecastDefaults: { epochs: 100 },
  check,
  emitFeatures: emitSequences,
  start(problem) {
    const model = modelOf(problem);
    requireUnits(model);
    const tensors = initialTensors(networkOf(model), problem.params, problem.seed);
    return { position: startPosition(), tensors: { ...tensors, ...scaleTensors(problem) } };
  },
  fit(problem, state, engine) {
    const { parameters } = networkOf(modelOf(problem));
    const scale = scaleOf(problem);
    const forward = forwardOf(problem);
    return fitNetwork({ family, problem, state, forward, parameters, ...(scale && { scale }) }, engine);
  },
  learned(state, model) {
    return { ...learnedWeights(networkOf(model), state), ...splitScale(state.tensors).scale };
  },
  infer(g, x, learned, model) {
    const { scale, rest: parameters } = splitScale(learned);
    const { 'target/mean': mean, 'target/deviation': deviation } = scale;
    if (model.steps !== undefined) return inferSteps(g, x, { parameters, scale }, model);
    if (mean === undefined || deviation === undefined) return g.softmax(outputOf(g, x, model, { parameters }), 1);
    const input = model.task === 'forecasting' ? scaleSeries(g, x, { mean, deviation }) : x;
    return unscale(g, outputOf(g, input, model, { parameters }), { mean, deviation });
  },
};

export const rnn = defineFamily(family);

/** For every step a row of probabilities, or numbers; NaN where a step is masked. */
function inferSteps(
  g: GraphBuilder,
  x: Value,
  { parameters, scale }: { parameters: NetworkInputs['parameters']; scale: Readonly<Record<string, Value>> },
  model: ModelShape<RnnParams>,
): Outputs {
  let mask: Value | undefined;
  const outputs = outputOf(g, x, model, { parameters, onMask: (value) => void (mask = value) });
  const { 'target/mean': mean, 'target/deviation': deviation } = scale;
  const values = mean && deviation ? unscale(g, outputs, { mean, deviation }) : g.softmax(outputs, 2);
  const shown = mask ? g.where(g.greater(g.unsqueeze(mask, [2]), 0), values, Number.NaN) : values;
  return model.task === 'regression' ? { prediction: shown } : { label: g.argMax(values, 2), probabilities: shown };
}

/** How many classes steps have is known once the rows are read. */
function requireUnits(model: ModelShape<RnnParams>): void {
  if (model.steps === undefined) return;
  const { task, outputs } = model;
  checkOutput(networkOf(model), RNN_LAYERS, { task, outputs, isPerStep: true });
}

function networkOf({ params, task, input, outputs, steps, vocabulary }: ModelShape<RnnParams>): Network {
  const kind = { isText: vocabulary !== undefined, isPerStep: steps !== undefined };
  const layers = layersOf(params, { task, outputs, ...kind });
  return planLayers(RNN_LAYERS, withVocabulary(layers, vocabulary), input);
}

function forwardOf(problem: Problem<RnnParams>): Forward {
  const model = modelOf(problem);
  const scale = problem.task === 'forecasting' ? scaleOf(problem) : undefined;
  return (g, x, inputs) => {
    const input = scale === undefined ? x : scaleSeries(g, x, constantScale(g, scale));
    return outputOf(g, input, model, inputs);
  };
}

/** The network's logits or numbers on [batch, time, features]; of every step [batch, time, n], and the mask [batch, time]. */
function outputOf(g: GraphBuilder, x: Value, model: ModelShape<RnnParams>, inputs: NetworkInputs): Value {
  const { steps, mask } = stepsOf(g, x, model.isRagged === true);
  const { onMask } = inputs;
  const turned = (value: Value): void => onMask?.(g.transpose(g.squeeze(value, [2])));
  const output = buildNetwork(g, steps, networkOf(model), { ...inputs, mask, onMask: turned });
  return model.steps === undefined ? output : swapTime(g, output);
}
