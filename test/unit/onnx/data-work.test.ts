/** Whether a model's work hangs on the values that it is given: what its shapes foretell is not. */
import { describe, expect, it } from '@jest/globals';
import { loop } from '../../../shared/onnx/control.ts';
import { GraphBuilder, toModel } from '../../../shared/onnx/graph-builder.ts';
import { lintModel } from '../../../shared/onnx/lint/lint.ts';
import type { Value } from '../../../shared/onnx/graph.ts';
import { realModel } from '../../real-models.ts';
import { slowModel, turningModel } from '../../slow-model.ts';

const hangs = (bytes: Uint8Array) => lintModel(bytes).content?.work_hangs_on_data;

/** A model of one input that is made into something as large as `size` says. */
function sized(size: (g: GraphBuilder, x: Value) => Value): Uint8Array {
  const g = new GraphBuilder('sized');
  const x = g.input('x', 'int64', ['batch']);
  const large = g.emit('Expand', [g.scalar(1), size(g, x)], { dtype: 'float32', shape: ['length'] });
  g.output(large, 'y');
  return toModel(g);
}

/** The turns of a loop are counted from what `count` makes of the input. */
function turning(count: (g: GraphBuilder, x: Value) => Value): Uint8Array {
  const g = new GraphBuilder('turning');
  const x = g.input('x', 'int64', ['batch']);
  const { carried } = loop(g, {
    count: count(g, x),
    carried: [x],
    body: (inner, _, [value]) => ({ carried: [inner.add(value!, value!)] }),
  });
  g.output(carried[0]!, 'y');
  return toModel(g);
}

const int64 = (shape: readonly (number | string)[]) => ({ dtype: 'int64', shape }) as const;

describe('the work of a model', () => {
  it('hangs on its data where a loop turns as an input says', () => {
    expect(hangs(turningModel())).toBe(true);
    expect(hangs(turning((g, x) => g.emit('ReduceSum', [x], int64([]), { keepdims: 0 })))).toBe(true);
  });

  it('does not where it turns as often as a constant or a shape says', () => {
    expect(hangs(slowModel(10))).toBe(false);
    expect(hangs(turning((g, x) => g.emit('Size', [x], int64([]))))).toBe(false);
  });

  it('hangs on its data where a tensor is as large as an input says, and not where it is as large as another tensor', () => {
    expect(hangs(sized((_, x) => x))).toBe(true);
    expect(hangs(sized((g, x) => g.emit('Shape', [x], int64([1]))))).toBe(false);
  });

  it('hangs on its data where what is counted is what was chosen by its value', () => {
    const chosen = (g: GraphBuilder, x: Value) => g.emit('NonZero', [x], int64([1, 'chosen']));

    expect(hangs(turning((g, x) => g.emit('Size', [chosen(g, x)], int64([]))))).toBe(true);
  });

  it('of models that people use is foretold by their shapes', () => {
    // An If on the sampling rate without loops; a network of convolutions.
    expect([hangs(realModel('silero')), hangs(realModel('ocr-direction'))]).toEqual([false, false]);
  });
});
