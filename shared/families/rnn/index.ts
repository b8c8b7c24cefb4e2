/**
 * Recurrent networks from a list of layers, with Keras's names, defaults and initialisation, over one tensor feature: sequences [time, features]
 * (an image is a sequence of its rows), [time] or [time, ...], or, in forecasting, windows of a series of numbers. The numbers of a regression and
 * of a forecast are learned in units of their standard deviation.
 */
import { emitTensor } from '../../data/encoding-graph.ts';
import type { EmitFeatures } from '../../data/feature-matrix.ts';
import { ServiceError } from '../../errors.ts';
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { fromNumbers } from '../../tensor/tensor.ts';
import { defineFamily, modelOf } from '../contract.ts';
import type { DataShape, Family, ModelShape, Problem } from '../contract.ts';
import { fitNetwork, startPosition } from '../network/fit.ts';
import type { Forward } from '../network/fit.ts';
import {
  buildNetwork,
  checkLoss,
  checkOutput,
  initialTensors,
  learnedWeights,
  planLayers,
} from '../network/network.ts';
import type { Network } from '../network/network.ts';
import { RNN_LAYERS } from './layers.ts';
import { layersOf, rnnParams, windowOf } from './params.ts';
import type { RnnParams } from './params.ts';
import { swapTime } from './recurrence.ts';
import { scaleOf, scaleSeries, unscale } from '../network/scale.ts';

const family: Family<RnnParams> = {
  name: 'rnn',
  tasks: ['classification', 'regression', 'forecasting'],
  params: rnnParams,
  featureTypes: ['tensor'],
  standardize: true,
  windowOf,
  check,
  emitFeatures,
  start(problem) {
    const scale = scaleOf(problem);
    const scaleTensors =
      scale === undefined
        ? {}
        : {
            'target/mean': fromNumbers('float32', [scale.mean]),
            'target/deviation': fromNumbers('float32', [scale.deviation]),
          };
    const network = networkOf(modelOf(problem));
    return {
      position: startPosition(),
      tensors: { ...initialTensors(network, problem.params, problem.seed), ...scaleTensors },
    };
  },
  fit(problem, state, engine) {
    const network = networkOf(modelOf(problem));
    const scale = scaleOf(problem);
    const fitting = { family, problem, state, forward: forwardOf(problem, network), parameters: network.parameters };
    return fitNetwork({ ...fitting, ...(scale === undefined ? {} : { scale }) }, engine);
  },
  learned(state, model) {
    const scale = Object.entries(state.tensors).filter(([name]) => name.startsWith('target/'));
    return { ...learnedWeights(networkOf(model), state), ...Object.fromEntries(scale) };
  },
  infer(g, x, learned, model) {
    const { 'target/mean': mean, 'target/deviation': deviation, ...parameters } = learned;
    if (mean === undefined || deviation === undefined)
      return g.softmax(buildNetwork(g, swapTime(g, x), networkOf(model), { parameters }), 1);
    const scale = { mean, deviation };
    const input = model.task === 'forecasting' ? scaleSeries(g, x, scale) : x;
    return unscale(g, buildNetwork(g, swapTime(g, input), networkOf(model), { parameters }), scale);
  },
};

export const rnn = defineFamily(family);

function networkOf({ params, task, input, outputs }: ModelShape<RnnParams>): Network {
  return planLayers(RNN_LAYERS, layersOf(params, task, outputs), input);
}

function forwardOf(problem: Problem<RnnParams>, network: Network): Forward {
  const scale = problem.task === 'forecasting' ? scaleOf(problem) : undefined;
  const constant = (g: GraphBuilder, value: number): Value => g.constant(fromNumbers('float32', [value]));
  return (g, x, inputs) => {
    const input =
      scale === undefined
        ? x
        : scaleSeries(g, x, { mean: constant(g, scale.mean), deviation: constant(g, scale.deviation) });
    return buildNetwork(g, swapTime(g, input), network, inputs);
  };
}

function check(params: RnnParams, { task, features, classes }: DataShape): void {
  const [feature, ...others] = features;
  if (feature?.shape === undefined || others.length > 0) {
    throw new ServiceError('invalid_request', `rnn takes exactly one tensor feature, got ${features.length}`, {
      param: '/features',
    });
  }
  if (task !== 'forecasting') {
    for (const name of ['window', 'horizon'] as const) {
      if (params[name] === undefined) continue;
      const message = `"${name}" is for forecasting: a ${task} takes its sequences as they are`;
      throw new ServiceError('invalid_request', message, { param: `/params/${name}` });
    }
  }
  const outputs = task === 'classification' ? classes : task === 'forecasting' ? windowOf(params).horizon : 1;
  const layers = layersOf(params, task, outputs ?? 2);
  checkOutput(planLayers(RNN_LAYERS, layers, sequenceShape(feature.shape)), RNN_LAYERS, {
    task,
    outputs: params.layers === undefined ? undefined : outputs,
  });
  checkLoss(params, task);
}

/** [time, features] of a tensor [time], [time, features] or [time, ...]. */
function sequenceShape([time = 1, ...rest]: readonly number[]): [number, number] {
  return [time, rest.reduce((product, size) => product * size, 1)];
}

/** Scaled sequences [batch, time, features]. */
function emitFeatures(...[g, encodings, inputs]: Parameters<EmitFeatures>): ReturnType<EmitFeatures> {
  const [encoding] = encodings;
  if (encoding?.type !== 'tensor') throw new TypeError('rnn: expected the encoding of one tensor feature');
  const x = emitTensor(g, encoding, inputs);
  return encoding.shape.length === 2 ? x : g.reshape(x, ['batch', ...sequenceShape(encoding.shape)]);
}
