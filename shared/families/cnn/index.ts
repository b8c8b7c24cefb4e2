/**
 * Convolutional networks from a list of layers, with Keras's names, defaults and initialisation, over one tensor feature: [H, W] images of
 * one channel, [H, W, C] with channels last, or vectors [n]. Inside the graph images are channels first.
 */
import { emitTensor } from '../../data/encoding-graph.ts';
import type { EmitFeatures } from '../../data/feature-matrix.ts';
import { ServiceError } from '../../errors.ts';
import { createOptimizer } from '../../optim/index.ts';
import { parameterCount, unflatten } from '../../optim/parameters.ts';
import { zeros } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import { defineFamily, modelOf } from '../contract.ts';
import type { DataShape, Family, FitState, ModelShape, Tensors } from '../contract.ts';
import { Evaluator } from '../evaluation.ts';
import { fitNetwork, startPosition } from './fit.ts';
import { buildNetwork, checkOutput, initialParameters, inputShape, planNetwork } from './network.ts';
import { cnnParams } from './params.ts';
import type { CnnParams } from './params.ts';

const family: Family<CnnParams> = {
  name: 'cnn',
  tasks: ['classification', 'regression'],
  params: cnnParams,
  featureTypes: ['tensor'],
  standardize: true,
  check,
  emitFeatures,
  start(problem) {
    const { params } = problem;
    const network = planNetwork(params.layers, modelOf(problem).input);
    const parameters = initialParameters(network, problem.seed);
    const zero = zeros('float32', [parameterCount(network.parameters)]);
    const slots = createOptimizer(params.optimizer).slots.map((name): [string, HostTensor] => [`slot/${name}`, zero]);
    return { position: startPosition(), tensors: { parameters, ...Object.fromEntries(slots) } };
  },
  fit(problem, state, engine) {
    const model = modelOf(problem);
    const network = planNetwork(model.params.layers, model.input);
    const example = { x: problem.train.x, learned: learned(state, model) };
    const openEvaluator = (): Promise<Evaluator> => Evaluator.open(engine, family, model, example);
    return fitNetwork({ problem, network, state, openEvaluator, learned: (from) => learned(from, model) }, engine);
  },
  learned,
  infer(g, x, parameters, { task, params, input }) {
    const outputs = buildNetwork(g, x, planNetwork(params.layers, input), { parameters });
    return task === 'classification' ? g.softmax(outputs, 1) : outputs;
  },
};

export const cnn = defineFamily(family);

function check(params: CnnParams, { task, features, classes }: DataShape): void {
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
  checkOutput(planNetwork(params.layers, input), { task, outputs: classes });
  const wanted = task === 'classification' ? 'sparse_categorical_crossentropy' : 'mean_squared_error';
  if (params.loss !== undefined && params.loss !== wanted) {
    throw new ServiceError('invalid_request', `the loss of ${task} is ${wanted}, got ${params.loss}`, {
      param: '/params/loss',
    });
  }
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

/** The best epoch's parameters under early stopping, else the newest. */
function learned({ tensors }: FitState, { params, input }: ModelShape<CnnParams>): Tensors {
  const flat = (tensors['best'] ?? tensors['parameters']) as HostTensor<'float32'>;
  return unflatten(planNetwork(params.layers, input).parameters, flat);
}
