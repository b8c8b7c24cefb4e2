/** A list of layers over images: shapes worked out and checked layer by layer, first weights drawn, nodes appended. */
import { ServiceError } from '../../errors.ts';
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { flatten } from '../../optim/parameters.ts';
import type { ParameterLayout } from '../../optim/parameters.ts';
import { Random } from '../../tensor/random.ts';
import { sizeOf } from '../../tensor/shape.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import type { Task } from '../contract.ts';
import { ACTIVATIONS } from './activations.ts';
import type { ActivationName } from './activations.ts';
import { LAYERS, formatRow } from './layers.ts';
import type { KernelPlan, RowShape } from './layers.ts';
import type { LayerSpec } from './params.ts';

interface PlannedLayer extends LayerSpec {
  /** As Keras would name it, counted from 1: conv2d_1, conv2d_2, dense_1. */
  readonly name: string;
  readonly activation: ActivationName;
  readonly output: RowShape;
  readonly kernel?: KernelPlan;
}

export interface Network {
  readonly layers: readonly PlannedLayer[];
  readonly parameters: ParameterLayout;
}

/** Rows [H, W] are images of one channel, [H, W, C] have their channels last, [n] are vectors. */
export function inputShape(shape: RowShape): RowShape | undefined {
  if (shape.length === 1) return shape;
  const [height, width, channels = 1] = shape;
  return shape.length === 2 || shape.length === 3 ? [channels, height!, width!] : undefined;
}

/** @throws invalid_request naming the layer, with the pointer /params/layers/<i> */
export function planNetwork(specs: readonly LayerSpec[], input: RowShape): Network {
  const counts = new Map<string, number>();
  const layers: PlannedLayer[] = [];
  for (const [index, spec] of specs.entries()) {
    const number = (counts.get(spec.kind) ?? 0) + 1;
    counts.set(spec.kind, number);
    const name = `${spec.kind}_${number}`;
    const plan = LAYERS[spec.kind]!.plan(spec.config, layers.at(-1)?.output ?? input);
    if (typeof plan === 'string') throw layerError(index, `${name}: ${plan}`);
    layers.push({
      ...spec,
      name,
      activation: (spec.config['activation'] as ActivationName | undefined) ?? 'linear',
      ...plan,
    });
  }
  const parameters = layers.flatMap(({ name, kernel, output }): [string, readonly number[]][] =>
    kernel === undefined
      ? []
      : [
          [`${name}/kernel`, kernel.shape],
          [`${name}/bias`, [output[0]!]],
        ],
  );
  return { layers, parameters: Object.fromEntries(parameters) };
}

/** Checks what the last layer gives against the task. */
export function checkOutput(network: Network, { task, outputs }: { task: Task; outputs: number | undefined }): void {
  const index = network.layers.findLastIndex(({ kind }) => kind !== 'activation' && kind !== 'dropout');
  const last = network.layers[index];
  if (last === undefined) throw layerError(0, 'the network has no layer with weights: end it with a dense layer');
  const end = network.layers.length - 1;
  if (last.output.length !== 1) {
    throw layerError(
      end,
      `${last.name}: expected an output of one dimension, got ${formatRow(last.output)}: end with a dense layer`,
    );
  }
  const units = last.output[0]!;
  const wanted = task === 'classification' ? outputs : 1;
  if (wanted !== undefined && units !== wanted) {
    const reason = task === 'classification' ? `${wanted} classes` : 'one number to predict';
    throw layerError(index, `${last.name}: expected ${wanted} units for ${reason}, got ${units}`);
  }
  const activation = network.layers[end]!.activation;
  if (task === 'classification' && activation !== 'softmax' && activation !== 'linear') {
    throw layerError(
      end,
      `${network.layers[end]!.name}: expected the activation softmax (or linear) at the end of a classification, got ${activation}`,
    );
  }
  if (task === 'regression' && activation === 'softmax') {
    throw layerError(end, `${network.layers[end]!.name}: the activation softmax is for classification; use linear`);
  }
}

/** First weights: Glorot uniform kernels (limit sqrt(6 / (fan in + fan out))), zero biases. */
export function initialParameters(network: Network, seed: number): HostTensor<'float32'> {
  const random = Random.fromSeed(seed);
  const values = network.layers.flatMap(({ name, kernel, output }): [string, Float32Array][] => {
    if (kernel === undefined) return [];
    const limit = Math.sqrt(6 / (kernel.fanIn + kernel.fanOut));
    return [
      [`${name}/kernel`, random.uniform(sizeOf(kernel.shape), -limit, limit)],
      [`${name}/bias`, new Float32Array(output[0]!)],
    ];
  });
  return flatten(network.parameters, Object.fromEntries(values));
}

/**
 * The network's nodes on x [batch, ...], up to but not including a softmax at its end: logits. With a seed dropout is on. A relu before
 * a max-pool is applied after it: the same function, on a quarter of the elements.
 */
export function buildNetwork(
  g: GraphBuilder,
  x: Value,
  network: Network,
  { parameters, seed }: { parameters: Readonly<Record<string, Value>>; seed?: Value },
): Value {
  let value = x;
  let delayed: ActivationName = 'linear';
  for (const [index, { name, kind, config, activation }] of network.layers.entries()) {
    const isLast = index === network.layers.length - 1;
    const next = network.layers[index + 1];
    value = g.scope(name, () => {
      const seeded = seed === undefined ? undefined : g.add(seed, index * 0x3c6ef35);
      const inputs = { kernel: parameters[`${name}/kernel`], bias: parameters[`${name}/bias`], seed: seeded };
      const result = ACTIVATIONS[delayed](g, LAYERS[kind]!.build(g, value, config, inputs));
      const waits = activation === 'relu' && next?.kind === 'max_pooling2d';
      delayed = waits ? 'relu' : 'linear';
      return waits || (isLast && activation === 'softmax') ? result : ACTIVATIONS[activation](g, result);
    });
  }
  return value;
}

function layerError(index: number, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param: `/params/layers/${index}` });
}
