/**
 * Dropout masks inside a step graph, from the step's seed alone, so that a resumed fit draws the same: every element's number is hashed
 * with the seed by the finalizer of MurmurHash3 (A. Appleby, public domain) and compared with the rate.
 */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { sizeOf, staticShape } from '../../tensor/shape.ts';
import { tensor } from '../../tensor/tensor.ts';

/** 1 / (1 - rate) where an element is kept, 0 where it is dropped; of x's shape, which has to be static. */
export function dropoutMask(g: GraphBuilder, x: Value, { rate, seed }: { rate: number; seed: Value }): Value {
  const shape = staticShape(x.shape, 'dropout');
  const count = sizeOf(shape);
  const word = (value: number): Value => g.constant(tensor('uint32', [], Uint32Array.of(value)));
  const numbers = g.constant(
    tensor(
      'uint32',
      [count],
      Uint32Array.from({ length: count }, (_, i) => Math.imul(i, 0x9e3779b9)),
    ),
  );
  let h = emitWords(g, 'BitwiseXor', numbers, g.cast(seed, 'uint32'));
  for (const [shift, factor] of [
    [16, 0x85ebca6b],
    [13, 0xc2b2ae35],
    [16, 1],
  ] as const) {
    h = emitWords(g, 'BitwiseXor', h, g.emit('BitShift', [h, word(shift)], h, { direction: 'RIGHT' }));
    if (factor !== 1) h = emitWords(g, 'Mul', h, word(factor));
  }
  const isKept = g.greaterOrEqual(h, word(Math.floor(rate * 2 ** 32)));
  return g.reshape(g.mul(g.cast(isKept, 'float32'), 1 / (1 - rate)), shape);
}

function emitWords(g: GraphBuilder, op: string, a: Value, b: Value): Value {
  return g.emit(op, [a, b], { dtype: 'uint32', shape: a.shape });
}
