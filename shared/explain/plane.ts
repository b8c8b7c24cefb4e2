/** The two axes of a tensor that are looked at: those of an image, or the steps and the features of a sequence. */
import type { ModelSchema } from '../runtime/model-schema.ts';
import { sizeOf } from '../tensor/shape.ts';
import { FOREIGN_FAMILY } from './foreign.ts';

export interface Plane {
  readonly height: number;
  readonly width: number;
  /** Row and column of an element of the tensor. */
  placeOf(at: number): readonly [row: number, column: number];
}

/** Channels come last; those of images of an uploaded model come first, as ONNX has them. */
export function planeOf({ family }: ModelSchema, shape: readonly number[]): Plane {
  const isChannelsFirst = family === FOREIGN_FAMILY && shape.length === 3;
  const [height = 1, width = 1, ...rest] = isChannelsFirst ? shape.slice(1) : shape;
  const depth = sizeOf(rest);
  return {
    height,
    width,
    placeOf: (at) => [Math.floor(at / (width * depth)) % height, Math.floor(at / depth) % width],
  };
}
