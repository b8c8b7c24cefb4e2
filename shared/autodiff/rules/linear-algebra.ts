/** Gradients of matrix products, as products that transpose in place. ' marks a transpose. */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { staticShape } from '../../tensor/shape.ts';
import { unbroadcast } from '../unbroadcast.ts';
import type { Cotangent, RowSum, Rules, Vjp } from '../vjp.ts';

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
    const { g, inputs, dy } = vjp;
    const flags = flagsOf(vjp);
    const cotangents = productRule(vjp, flags, (a, b, options) => g.gemm(a, b, options));
    // dB is a sum over the rows of A and dY.
    const weight = (): RowSum => ({
      key: `Gemm ${JSON.stringify(flags)}`,
      rows: [inputs[0]!, dy],
      sum: ([a, dY]) =>
        productRule({ inputs: [a!, inputs[1]!], dy: dY! }, flags, (x, y, options) => g.gemm(x, y, options))[1](),
    });
    return [cotangents[0], flags.transA ? cotangents[1] : weight, () => biasCotangent(vjp)];
  },
  // Y = s A B over leading axes
  'com.microsoft:FusedMatMul': (vjp) => {
    const { g, inputs } = vjp;
    const cotangents = productRule(vjp, flagsOf(vjp), (a, b, options) => g.fusedMatMul(a, b, options));
    return cotangents.map((cotangent, i) => () => unbroadcast(g, cotangent(), inputs[i]!.shape));
  },
};

function flagsOf({ node }: Vjp): Flags {
  const { alpha, transA, transB } = node.attributes;
  return { alpha: (alpha as { float: number }).float, transA: transA === 1, transB: transB === 1 };
}

/** For Y = s A* B*, where * may transpose: dA = s dY B*' and dB = s A*' dY, each transposed where its operand was. */
function productRule(
  { inputs, dy }: Pick<Vjp, 'inputs' | 'dy'>,
  { alpha, transA, transB }: Flags,
  product: (a: Value, b: Value, flags: Flags) => Value,
): [() => Value, () => Value] {
  const [a, b] = inputs as [Value, Value];
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

/** dC = t dY; a row that every row of Y adds is a sum over rows. */
function biasCotangent({ g, node, inputs, dy }: Vjp): Value | RowSum {
  const { float: beta } = node.attributes['beta'] as { float: number };
  const { shape } = inputs[2]!;
  const sum = (rows: Value): Value => unbroadcast(g, beta === 1 ? rows : g.mul(rows, beta), shape);
  const isRow = shape.length === 1 && shape[0] === dy.shape[1];
  return isRow ? { key: `Gemm C ${beta}`, rows: [dy], sum: ([rows]) => sum(rows!) } : sum(dy);
}

/** Vectors become matrices of one row or column first; a matrix that all leading axes share gets one product over all rows. */
function matMulRule(g: GraphBuilder, [a, b]: readonly [Value, Value], dy: Value): Cotangent<Value | RowSum>[] {
  const matrixA = a.shape.length === 1 ? g.unsqueeze(a, [0]) : a;
  const matrixB = b.shape.length === 1 ? g.unsqueeze(b, [1]) : b;
  const missing = [...(a.shape.length === 1 ? [-2] : []), ...(b.shape.length === 1 ? [-1] : [])];
  const dY = missing.length > 0 ? g.unsqueeze(dy, missing) : dy;
  const fit = (cotangent: Value, matrix: Value, primal: Value): Value => {
    const sum = unbroadcast(g, cotangent, matrix.shape);
    return matrix === primal ? sum : g.reshape(sum, primal.shape);
  };
  const sharedWeight = (): RowSum => ({
    key: 'MatMul',
    rows: [asRows(g, matrixA), asRows(g, dY)],
    sum: ([rows, dRows]) => g.gemm(rows!, dRows!, { transA: true }),
  });
  return [
    () => fit(transposedProduct(g, dY, matrixB, { transB: true }), matrixA, a),
    b.shape.length === 2 ? sharedWeight : () => fit(transposedProduct(g, matrixA, dY, { transA: true }), matrixB, b),
  ];
}

/** [..., k] -> [rows, k] */
function asRows(g: GraphBuilder, x: Value): Value {
  if (x.shape.length === 2) return x;
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
