/** Matrix products. */
import { broadcastShapes, dimsFit, formatShape } from '../../tensor/shape.ts';
import type { Dim, Shape } from '../../tensor/shape.ts';
import type { Graph, Value } from '../graph.ts';

export interface GemmOptions {
  readonly alpha?: number;
  readonly beta?: number;
  readonly transA?: boolean;
  readonly transB?: boolean;
}

export interface FusedMatMulOptions {
  readonly alpha?: number;
  readonly transA?: boolean;
  readonly transB?: boolean;
}

export const linearAlgebra = {
  /** [..., n, k] times [..., k, m], where the leading dimensions broadcast; vectors as in NumPy. */
  matMul: (g: Graph, a: Value, b: Value) =>
    g.emit('MatMul', [a, b], { dtype: a.dtype, shape: productShape(g, 'MatMul', [a, b]) }),
  /** alpha A' B' + beta C of matrices, where ' may transpose and C broadcasts to the product. */
  gemm: (g: Graph, a: Value, b: Value, { c, ...options }: GemmOptions & { c?: Value } = {}) =>
    gemm(g, [a, b, c], options),
  /** com.microsoft: alpha A' B', where ' may transpose the last two axes. Runs on ONNX Runtime only. */
  fusedMatMul: (g: Graph, a: Value, b: Value, options: FusedMatMulOptions = {}) => fusedMatMul(g, a, b, options),
};

const flip = (shape: Shape, isFlipped: boolean): Shape =>
  isFlipped ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape;

function productShape(
  g: Graph,
  op: string,
  [a, b]: readonly [Value, Value],
  { transA = false, transB = false } = {},
): Shape {
  const [left, right] = [flip(a.shape, transA), flip(b.shape, transB)];
  const inner = left.at(-1);
  const other = right.length === 1 ? right[0] : right.at(-2);
  const leading = broadcastShapes([left.slice(0, -2), right.slice(0, -2)]);
  const fits = inner !== undefined && other !== undefined && dimsFit(inner, other) && a.dtype === b.dtype;
  if (!fits || leading === undefined) {
    const transposed = `${transA ? ', the first transposed' : ''}${transB ? ', the second transposed' : ''}`;
    throw g.mismatch(op, `[..., n, k] and [..., k, m] of one element type${transposed}`, [a, b]);
  }
  const rows: Dim[] = left.length === 1 ? [] : [left.at(-2)!];
  const columns: Dim[] = right.length === 1 ? [] : [right.at(-1)!];
  return [...leading, ...rows, ...columns];
}

function gemm(g: Graph, [a, b, c]: readonly [Value, Value, Value | undefined], options: GemmOptions): Value {
  const { alpha = 1, beta = 1, transA = false, transB = false } = options;
  const inputs = c ? [a, b, c] : [a, b];
  if (a.shape.length !== 2 || b.shape.length !== 2) throw g.mismatch('Gemm', 'matrices', inputs);
  const shape = productShape(g, 'Gemm', [a, b], options);
  if (c && !broadcastsTo(c.shape, shape))
    throw g.mismatch('Gemm', `C that broadcasts to ${formatShape(shape)}`, inputs);
  const attributes = { alpha: { float: alpha }, beta: { float: beta }, transA: Number(transA), transB: Number(transB) };
  return g.emit('Gemm', inputs, { dtype: a.dtype, shape }, attributes);
}

const broadcastsTo = (from: Shape, to: Shape): boolean =>
  from.length <= to.length && from.every((dim, i) => dim === 1 || dimsFit(dim, to[to.length - from.length + i]!));

function fusedMatMul(g: Graph, a: Value, b: Value, options: FusedMatMulOptions): Value {
  const { alpha = 1, transA = false, transB = false } = options;
  const shape = productShape(g, 'FusedMatMul', [a, b], options);
  const attributes = { alpha: { float: alpha }, transA: Number(transA), transB: Number(transB) };
  return g.emit('com.microsoft:FusedMatMul', [a, b], { dtype: a.dtype, shape }, attributes);
}
