/** Gradients of matrix products, as products that transpose in place. ' marks a transpose. */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { staticShape } from '../../tensor/shape.ts';
import { unbroadcast } from '../unbroadcast.ts';
import type { Rules, Vjp } from '../vjp.ts';

interface Flags {
  readonly alpha: number;
  readonly transA: boolean;
  readonly transB: boolean;
}

export const linearAlgebraRules: Rules = {
  // Y = A B:  dA = dY B',  dB = A' dY, summed over leading axes that broadcast
  MatMul: ({ g, inputs: [a, b], dy }) => matMulRule(g, [a!, b!], dy),
  // Y = s A B + t C:  dA = s dY B',  dB = s A' dY,  dC = t dY
  Gemm: (vjp) => {
    const { g, node, inputs, dy } = vjp;
    const beta = (node.attributes['beta'] as { float: number }).float;
    const [dA, dB] = productRule(vjp, (a, b, { alpha, ...trans }) => g.gemm(a, b, { alpha, ...trans }));
    return [dA, dB, () => unbroadcast(g, beta === 1 ? dy : g.mul(dy, beta), inputs[2]!.shape)];
  },
  // Y = s A B over leading axes
  'com.microsoft:FusedMatMul': (vjp) => {
    const { g, inputs } = vjp;
    const cotangents = productRule(vjp, (a, b, flags) => g.fusedMatMul(a, b, flags));
    return cotangents.map((cotangent, i) => () => unbroadcast(g, cotangent(), inputs[i]!.shape));
  },
};

/** For Y = s A* B*, where * may transpose: dA = s dY B*' and dB = s A*' dY, each transposed where its operand was. */
function productRule(
  { node, inputs, dy }: Vjp,
  product: (a: Value, b: Value, flags: Flags) => Value,
): [() => Value, () => Value] {
  const [a, b] = inputs as [Value, Value];
  const { float: alpha } = node.attributes['alpha'] as { float: number };
  const transA = node.attributes['transA'] === 1;
  const transB = node.attributes['transB'] === 1;
  return [
    () =>
      transA
        ? product(b, dy, { alpha, transA: transB, transB: true })
        : product(dy, b, { alpha, transA: false, transB: !transB }),
    () =>
      transB
        ? product(dy, a, { alpha, transA: true, transB: transA })
        : product(a, dy, { alpha, transA: !transA, transB: false }),
  ];
}

/** Vectors become matrices of one row or column first; a matrix that all leading axes share gets one product over all rows. */
function matMulRule(g: GraphBuilder, [a, b]: readonly [Value, Value], dy: Value): [() => Value, () => Value] {
  const matrixA = a.shape.length === 1 ? g.unsqueeze(a, [0]) : a;
  const matrixB = b.shape.length === 1 ? g.unsqueeze(b, [1]) : b;
  const missing = [...(a.shape.length === 1 ? [-2] : []), ...(b.shape.length === 1 ? [-1] : [])];
  const dY = missing.length > 0 ? g.unsqueeze(dy, missing) : dy;
  const fit = (cotangent: Value, matrix: Value, primal: Value): Value => {
    const sum = unbroadcast(g, cotangent, matrix.shape);
    return matrix === primal ? sum : g.reshape(sum, primal.shape);
  };
  return [
    () => fit(transposedProduct(g, dY, matrixB, { transB: true }), matrixA, a),
    () => {
      const isShared = matrixB.shape.length === 2 && matrixA.shape.length > 2;
      const [left, right] = isShared ? [asRows(g, matrixA), asRows(g, dY)] : [matrixA, dY];
      return fit(transposedProduct(g, left, right, { transA: true }), matrixB, b);
    },
  ];
}

/** [..., k] -> [rows, k] */
function asRows(g: GraphBuilder, x: Value): Value {
  const shape = staticShape(x.shape, `'${x.name}'`);
  return g.reshape(x, [shape.slice(0, -1).reduce((rows, dim) => rows * dim, 1), shape.at(-1)!]);
}

/** A B with one of them transposed; batched float64 has no fused kernel. */
function transposedProduct(g: GraphBuilder, a: Value, b: Value, { transA = false, transB = false }): Value {
  if (a.shape.length === 2 && b.shape.length === 2) return g.gemm(a, b, { transA, transB });
  if (a.dtype === 'float32') return g.fusedMatMul(a, b, { transA, transB });
  return g.matMul(transA ? transposeLast(g, a) : a, transB ? transposeLast(g, b) : b);
}

function transposeLast(g: GraphBuilder, x: Value): Value {
  const axes = [...x.shape.keys()];
  return g.transpose(x, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]);
}
