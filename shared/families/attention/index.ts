/**
 * Transformers from a list of layers, over one feature: a text, or a tensor of steps [time, features] (an image is its rows), [time] or
 * [time, ...]; in forecasting windows of a series of numbers, in language modelling the text that is learned. Numbers to predict are learned in units of
 * their standard deviation.
 */
import { emitTensor } from '../../data/encoding-graph.ts';
import { emitTokenIds } from '../../data/text-graph.ts';
import type { EmitFeatures } from '../../data/feature-matrix.ts';
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { defineFamily, modelOf } from '../contract.ts';
import type { Family, Outputs, Problem, Tensors } from '../contract.ts';
import { fitNetwork, startPosition } from '../network/fit.ts';
import type { Forward } from '../network/fit.ts';
import { buildNetwork, initialTensors, learnedWeights } from '../network/network.ts';
import { constantScale, scaleOf, scaleSeries, scaleTensors, splitScale, unscale } from '../network/scale.ts';
import { contextOf, tokenFigures } from '../network/tokens.ts';
import { check } from './check.ts';
import { networkOf, sequenceShape } from './network.ts';
import { SHORTHAND, attentionParams, windowOf } from './params.ts';
import type { AttentionParams } from './params.ts';

const family: Family<AttentionParams> = {
  name: 'attention',
  tasks: ['classification', 'regression', 'forecasting', 'language_modelling'],
  params: attentionParams,
  shorthand: SHORTHAND,
  featureTypes: ['text', 'tensor'],
  standardize: true,
  readsBlocks: true,
  windowOf: (params) => ({ window: windowOf(params, 'forecasting'), horizon: params.horizon ?? 1 }),
  // A series has few windows, and ten times over them teach next to nothing.
  forecastDefaults: { epochs: 100 },
  contextOf: (params) => windowOf(params, 'language_modelling'),
  check,
  emitFeatures,
  start(problem) {
    const tensors = initialTensors(networkOf(modelOf(problem)), problem.params, problem.seed);
    return { position: startPosition(), tensors: { ...tensors, ...scaleTensors(problem) } };
  },
  fit(problem, state, engine) {
    const forward = forwardOf(problem);
    const { parameters } = networkOf(modelOf(problem));
    const scale = scaleOf(problem);
    return fitNetwork({ family, problem, state, forward, parameters, ...(scale && { scale }) }, engine);
  },
  learned(state, model): Tensors {
    return { ...learnedWeights(networkOf(model), state), ...splitScale(state.tensors).scale };
  },
  infer(g, x, learned, model): Value | Outputs {
    const { scale, rest: parameters } = splitScale(learned);
    if (model.task === 'language_modelling') {
      const logits = buildNetwork(g, contextOf(g, x), networkOf(model, { isLastStep: true }), { parameters });
      return { probabilities: g.softmax(logits, 1) };
    }
    const { 'target/mean': mean, 'target/deviation': deviation } = scale;
    const network = networkOf(model);
    if (mean === undefined || deviation === undefined) return g.softmax(buildNetwork(g, x, network, { parameters }), 1);
    const input = model.task === 'forecasting' ? scaleSeries(g, x, { mean, deviation }) : x;
    return unscale(g, buildNetwork(g, input, network, { parameters }), { mean, deviation });
  },
  assess(g, x, parameters, model): Outputs {
    const figures = tokenFigures(g, buildNetwork(g, contextOf(g, x), networkOf(model), { parameters }), x);
    const sum = (value: Value): Value => g.reduceSum(value, { axes: [1] });
    return {
      token_loss: sum(figures.losses),
      token_right: sum(figures.right),
      token_count: sum(figures.counted),
    };
  },
};

export const attention = defineFamily(family);

function forwardOf(problem: Problem<AttentionParams>): Forward {
  const network = networkOf(modelOf(problem));
  const scale = problem.task === 'forecasting' ? scaleOf(problem) : undefined;
  return (g, x, inputs) => {
    const input = scale === undefined ? x : scaleSeries(g, x, constantScale(g, scale));
    return buildNetwork(g, input, network, inputs);
  };
}

/** Token ids [batch, length], or scaled steps [batch, time, features]. */
function emitFeatures(...[g, encodings, inputs]: Parameters<EmitFeatures>): ReturnType<EmitFeatures> {
  const [encoding] = encodings;
  if (encoding?.type === 'text') return emitTokenIds(g, encoding, inputs.get(encoding.name)!);
  if (encoding?.type !== 'tensor')
    throw new TypeError('attention: expected the encoding of one text or tensor feature');
  return asSequences(g, emitTensor(g, encoding, inputs), encoding.shape);
}

function asSequences(g: GraphBuilder, x: Value, shape: readonly number[]): Value {
  return shape.length === 2 ? x : g.reshape(x, ['batch', ...sequenceShape(shape)]);
}
