/** A model whose rows take their time: as many products, one after another, as it is asked for. */
import { loop } from '../shared/onnx/control.ts';
import { GraphBuilder, toModel } from '../shared/onnx/graph-builder.ts';
import { fromNumbers, tensor } from '../shared/tensor/tensor.ts';

const WIDTH = 64;

export function slowModel(turns: number): Uint8Array {
  const g = new GraphBuilder('slow');
  const x = g.input('x', 'float32', ['batch', WIDTH]);
  const numbers = Array.from({ length: WIDTH * WIDTH }, (_, i) => (i % (WIDTH + 1) === 0 ? 1 : 0));
  const weights = g.constant(fromNumbers('float32', numbers, [WIDTH, WIDTH]));
  const count = g.constant(tensor('int64', [], BigInt64Array.of(BigInt(turns))));
  const { carried } = loop(g, {
    count,
    carried: [x],
    body: (inner, _, [value]) => ({ carried: [inner.matMul(value!, weights)] }),
  });
  g.output(carried[0]!, 'y');
  return toModel(g);
}

/** The same, of as many turns as the largest of the rows' own `turns`: no size foretells it. */
export function turningModel(): Uint8Array {
  const g = new GraphBuilder('turning');
  const x = g.input('x', 'float32', ['batch', WIDTH]);
  const turns = g.input('turns', 'int64', ['batch']);
  const numbers = Array.from({ length: WIDTH * WIDTH }, (_, i) => (i % (WIDTH + 1) === 0 ? 1 : 0));
  const weights = g.constant(fromNumbers('float32', numbers, [WIDTH, WIDTH]));
  const { carried } = loop(g, {
    count: g.reduceMax(turns, { axes: [0], keepdims: false }),
    carried: [x],
    body: (inner, _, [value]) => ({ carried: [inner.matMul(value!, weights)] }),
  });
  g.output(carried[0]!, 'y');
  return toModel(g);
}

export function slowRows(count: number): { x: number[] }[] {
  return Array.from({ length: count }, (_, i) => ({ x: new Array<number>(WIDTH).fill(i) }));
}
