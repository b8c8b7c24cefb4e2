/** From a table's feature to what a recurrent network reads: sequences of steps, token ids, the shapes of both, and which steps count. */
import { emitTensor } from '../../data/encoding-graph.ts';
import type { EmitFeatures } from '../../data/feature-matrix.ts';
import { emitTokenIds } from '../../data/text-graph.ts';
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { swapTime } from './recurrence.ts';

/** [time, features] of a tensor [time], [time, features] or [time, ...]. */
export function sequenceShape([time = 1, ...rest]: readonly number[]): [number, number] {
  return [time, rest.reduce((product, size) => product * size, 1)];
}

/** Scaled sequences [batch, time, features], or token ids [batch, time, 1]. */
export function emitSequences(...[g, encodings, inputs]: Parameters<EmitFeatures>): ReturnType<EmitFeatures> {
  const [encoding] = encodings;
  if (encoding?.type === 'text') return g.unsqueeze(emitTokenIds(g, encoding, inputs.get(encoding.name)!), [2]);
  if (encoding?.type !== 'tensor') throw new TypeError('rnn: expected the encoding of one text or tensor feature');
  const x = emitTensor(g, encoding, inputs);
  const { shape, isRagged = false } = encoding;
  if (shape.length === 2) return x;
  if (shape.length === 1) return g.unsqueeze(x, [2]);
  const [time, features] = sequenceShape(shape);
  if (!isRagged) return g.reshape(x, ['batch', time, features]);
  // A zero keeps the dimension that stands there.
  return g.emit('Reshape', [x, g.ints([0, 0, features])], { dtype: x.dtype, shape: ['batch', 'time', features] });
}

/** Sequences time first; where they are ragged, what fills them up is zeros, and the mask [time, batch, 1] says so. */
export function stepsOf(g: GraphBuilder, x: Value, isRagged: boolean): { steps: Value; mask?: Value } {
  const filled = swapTime(g, x);
  if (!isRagged) return { steps: filled };
  return g.scope('ends', () => {
    const first = g.slice(filled, { axis: 2, end: 1 });
    return {
      steps: g.where(g.isNaN(filled), 0, filled),
      mask: g.cast(g.not(g.isNaN(first)), 'float32'),
    };
  });
}
