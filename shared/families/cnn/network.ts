/** The networks of `cnn`: its layers, and the shape of an image within. */
import { planLayers } from '../network/network.ts';
import type { LayerSpec, RowShape } from '../network/layer.ts';
import type { Network } from '../network/network.ts';
import { CNN_LAYERS } from './layers.ts';

export { buildNetwork, initialParameters } from '../network/network.ts';

/** Rows [H, W] are images of one channel, [H, W, C] have their channels last, [n] are vectors. */
export function inputShape(shape: RowShape): RowShape | undefined {
  if (shape.length === 1) return shape;
  const [height, width, channels = 1] = shape;
  return shape.length === 2 || shape.length === 3 ? [channels, height!, width!] : undefined;
}

/** @throws invalid_request naming the layer, with the pointer /params/layers/<i> */
export function planNetwork(specs: readonly LayerSpec[], input: RowShape): Network {
  return planLayers(CNN_LAYERS, specs, input);
}
