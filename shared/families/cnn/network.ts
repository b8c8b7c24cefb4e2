/** The networks of `cnn`: its layers over images or over sequences, and the shape of a row within. */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import * as networks from '../network/network.ts';
import type { LayerSpec, RowShape } from '../network/layer.ts';
import type { Network, NetworkInputs } from '../network/network.ts';
import { CNN_LAYERS } from './layers.ts';

export { initialParameters } from '../network/network.ts';

export interface CnnNetwork extends Network {
  /** Rows are sequences, [channels, steps] within. */
  readonly isSequence: boolean;
}

/** Rows [H, W] are images of one channel, [H, W, C] have their channels last, [n] are vectors. */
export function inputShape(shape: RowShape): RowShape | undefined {
  if (shape.length === 1) return shape;
  const [height, width, channels = 1] = shape;
  return shape.length === 2 || shape.length === 3 ? [channels, height!, width!] : undefined;
}

/** With one-dimensional layers among them [H, W] is a sequence of H steps of W channels instead, and [n] one of n steps of one channel. */
export function planNetwork(specs: readonly LayerSpec[], input: RowShape): CnnNetwork {
  const isSequence = specs.some(({ kind }) => kind.endsWith('1d')) && (input.length === 1 || input[0] === 1);
  const [first = 1, steps = first, channels = 1] = input.length === 1 ? [1, ...input] : input;
  const shape = isSequence ? [channels, steps] : input;
  return { ...networks.planLayers(CNN_LAYERS, specs, shape), isSequence };
}

/** The network's nodes on encoded rows, up to but not including a softmax at its end. */
export function buildNetwork(g: GraphBuilder, x: Value, network: CnnNetwork, inputs: NetworkInputs): Value {
  return networks.buildNetwork(g, network.isSequence ? sequences(g, x) : x, network, inputs);
}

/** [batch, 1, steps, channels] or [batch, steps] to [batch, channels, steps]. */
function sequences(g: GraphBuilder, x: Value): Value {
  const [batch = 'batch', first = 1, steps, channels] = x.shape;
  if (steps === undefined || channels === undefined) return g.reshape(x, [batch, 1, first]);
  return g.transpose(g.reshape(x, [batch, steps, channels]), [0, 2, 1]);
}
