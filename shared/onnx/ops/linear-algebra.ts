/** Matrix products. */
import { broadcastShapes, dimsFit } from '../../tensor/shape.ts';
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
  matMul: (g: Graph, a: Value, b: Value) => {
    if (a.dtype !== b.dtype) throw g.mismatch('MatMul', 'operands of one element type', [a, b]);
    return g.emit('MatMul', [a, b], { dtype: a.dtype, shape: productShape(g, 'MatMul', a, b) });
  },
  /** alpha A' B' + beta C of matrices, where ' may transpose and C broadcasts to the product. */
  gemm: (g: Graph, a: Value, b: Value, { c, ...options }: GemmOptions & { c?: Value } = {}) => gemm(g, [a, b, c], options),
  /** com.microsoft: alpha A' B', where ' may transpose the last two axes. Runs on ONNX Runtime only. */
  fusedMatMul: (g: Graph, a: Value, b: Value, options: FusedMatMulOptions = {}) => fusedMatMul(g, a, b, options),
};

function productShape(g: Graph, op: string, a: Value, b: Value, [left, right]: [Shape, Shape] = [a.shape, b.shape]): Shape {
  const inner = left.at(-1);
  const other = right.length === 1 ? right[0] : right.at(-2);
  const leading = broadcastShapes([left.slice(0, -2), right.slice(0, -2)]);
  if (inner === undefined || other === undefined || !dimsFit(inner, other) || leading === undefined) {
    throw g.mismatch(op, '[..., n, k] and [..., k, m] with leading dimensions that broadcast', [a, b]);
  }
  const rows: Dim[] = left.length === 1 ? [] : [left.at(-2)!];
  const columns: Dim[] = right.length === 1 ? [] : [right.at(-1)!];
  return [...leading, ...rows, ...columns];
}

function gemm(g: Graph, [a, b, c]: readonly [Value, Value, Value | undefined], options: GemmOptions): Value {
  const { alpha = 1, beta = 1, transA = false, transB = false } = options;
  const inputs = c ? [a, b, c] : [a, b];
  const [n, k] = transA ? a.shape.toReversed() : a.shape;
  const [kb, m] = transB ? b.shape.toReversed() : b.shape;
  const fits = a.shape.length === 2 && b.shape.length === 2 && k !== undefined && kb !== undefined && dimsFit(k, kb);
  if (!fits || a.dtype !== b.dtype) {
    const transposed = `${transA ? ', transA' : ''}${transB ? ', transB' : ''}`;
    throw g.mismatch('Gemm', `A [n, k] and B [k, m] of one element type${transposed}`, inputs);
  }
  const shape = [n!, m!];
  const sum = c ? broadcastShapes([c.shape, shape]) : shape;
  if (sum?.length !== 2 || c?.shape.some((dim, i) => dim !== 1 && !dimsFit(dim, shape.at(i - c.shape.length)!))) {
    throw g.mismatch('Gemm', `C that broadcasts to [${shape.join(', ')}]`, inputs);
  }
  const attributes = { alpha: { float: alpha }, beta: { float: beta }, transA: Number(transA), transB: Number(transB) };
  return g.emit('Gemm', inputs, { dtype: a.dtype, shape }, attributes);
}

function fusedMatMul(g: Graph, a: Value, b: Value, { alpha = 1, transA = false, transB = false }: FusedMatMulOptions): Value {
  const flip = (shape: Shape, trans: boolean): Shape => (trans ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape);
  const shape = productShape(g, 'FusedMatMul', a, b, [flip(a.shape, transA), flip(b.shape, transB)]);
  const attributes = { alpha: { float: alpha }, transA: Number(transA), transB: Number(transB) };
  return g.emit('com.microsoft:FusedMatMul', [a, b], { dtype: a.dtype, shape }, attributes);
}
