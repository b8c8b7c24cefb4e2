/**
 * Recurrent networks from a list of layers, with Keras's names, defaults and initialisation, over one feature: a text, or a tensor of sequences
 * [time, features] (an image is a sequence of its rows), [time] or [time, ...], of any lengths, or, in forecasting, windows of a series of numbers. The numbers
 * of a regression and of a forecast are learned in units of their standard deviation.
 */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { defineFamily, modelOf } from '../contract.ts';
import type { Family, ModelShape, Problem } from '../contract.ts';
import { withVocabulary } from '../network/embedding.ts';
import { fitNetwork, startPosition } from '../network/fit.ts';
import type { Forward } from '../network/fit.ts';
import { buildNetwork, initialTensors, learnedWeights, planLayers } from '../network/network.ts';
import type { Network, NetworkInputs } from '../network/network.ts';
import { constantScale, scaleOf, scaleSeries, scaleTensors, splitScale, unscale } from '../network/scale.ts';
import { check } from './check.ts';
import { RNN_LAYERS } from './layers.ts';
import { layersOf, rnnParams, windowOf } from './params.ts';
import type { RnnParams } from './params.ts';
import { emitSequences, stepsOf } from './sequences.ts';

const family: Family<RnnParams> = {
  name: 'rnn',
  tasks: ['classification', 'regression', 'forecasting'],
  params: rnnParams,
  featureTypes: ['text', 'tensor'],
  takesRagged: true,
  standardize: true,
  windowOf,
  check,
  emitFeatures: emitSequences,
  start(problem) {
    const tensors = initialTensors(networkOf(modelOf(problem)), problem.params, problem.seed);
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
    if (mean === undefined || deviation === undefined) return g.softmax(outputOf(g, x, model, { parameters }), 1);
    const input = model.task === 'forecasting' ? scaleSeries(g, x, { mean, deviation }) : x;
    return unscale(g, outputOf(g, input, model, { parameters }), { mean, deviation });
  },
};

export const rnn = defineFamily(family);

function networkOf({ params, task, input, outputs, vocabulary }: ModelShape<RnnParams>): Network {
  const layers = layersOf(params, { task, outputs, isText: vocabulary !== undefined });
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

/** The network's logits or numbers on [batch, time, features]. */
function outputOf(g: GraphBuilder, x: Value, model: ModelShape<RnnParams>, inputs: NetworkInputs): Value {
  const { steps, mask } = stepsOf(g, x, model.isRagged === true);
  return buildNetwork(g, steps, networkOf(model), { ...inputs, mask });
}
