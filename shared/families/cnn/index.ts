/**
 * Convolutional networks from a list of layers, with Keras's names, defaults and initialisation, over one tensor feature: [H, W] images of
 * one channel, [H, W, C] with channels last, or vectors [n]. Inside the graph images are channels first.
 */
import { emitTensor } from '../../data/encoding-graph.ts';
import type { EmitFeatures } from '../../data/feature-matrix.ts';
import { ServiceError } from '../../errors.ts';
import { defineFamily, modelOf } from '../contract.ts';
import type { DataShape, Family } from '../contract.ts';
import { fitNetwork, startPosition } from '../network/fit.ts';
import type { Forward } from '../network/fit.ts';
import { checkLoss, checkOutput, initialTensors, learnedWeights } from '../network/network.ts';
import { CNN_LAYERS } from './layers.ts';
import { buildNetwork, inputShape, planNetwork } from './network.ts';
import { cnnParams } from './params.ts';
import type { CnnParams } from './params.ts';

const family: Family<CnnParams> = {
  name: 'cnn',
  tasks: ['classification', 'regression'],
  params: cnnParams,
  featureTypes: ['tensor'],
  standardize: true,
  readsBlocks: true,
  check,
  emitFeatures,
  start(problem) {
    const network = planNetwork(problem.params.layers, modelOf(problem).input);
    return { position: startPosition(), tensors: initialTensors(network, problem.params, problem.seed) };
  },
  fit(problem, state, engine) {
    const network = planNetwork(problem.params.layers, modelOf(problem).input);
    const forward: Forward = (g, x, inputs) => buildNetwork(g, x, network, inputs);
    const { parameters, buffers } = network;
    return fitNetwork({ family, problem, state, forward, parameters, buffers }, engine);
  },
  learned: (state, { params, input }) => learnedWeights(planNetwork(params.layers, input), state),
  infer(g, x, parameters, { task, params, input }) {
    const outputs = buildNetwork(g, x, planNetwork(params.layers, input), { parameters });
    return task === 'classification' ? g.softmax(outputs, 1) : outputs;
  },
};

export const cnn = defineFamily(family);

function check(params: CnnParams, data: DataShape): void {
  const { task, features, classes } = data;
  const [feature, ...others] = features;
  if (feature?.shape === undefined || others.length > 0) {
    throw new ServiceError('invalid_request', `cnn takes exactly one tensor feature, got ${features.length}`, {
      param: '/features',
    });
  }
  const input = inputShape(feature.shape);
  if (input === undefined) {
    const message = `cnn takes images [height, width] or [height, width, channels] or vectors, "${feature.name}" has the shape [${feature.shape.join(', ')}]`;
    throw new ServiceError('invalid_request', message, { param: '/features/0' });
  }
  const outputs = task === 'classification' ? classes : 1;
  checkOutput(planNetwork(params.layers, input), CNN_LAYERS, { task, outputs });
  checkLoss(params, data);
}

/** Scaled pixels, channels first. */
function emitFeatures(...[g, encodings, inputs]: Parameters<EmitFeatures>): ReturnType<EmitFeatures> {
  const [encoding] = encodings;
  if (encoding?.type !== 'tensor') throw new TypeError('cnn: expected the encoding of one tensor feature');
  const x = emitTensor(g, encoding, inputs);
  const [height = 1, width = 1] = encoding.shape;
  if (encoding.shape.length === 2) return g.reshape(x, ['batch', 1, height, width]);
  return encoding.shape.length === 3 ? g.transpose(x, [0, 3, 1, 2]) : x;
}
