/**
 * Scaled dot-product attention of several heads, softmax(Q K' / sqrt(d)) V, by A. Vaswani et al., "Attention is all you need" (2017). Queries, keys and
 * values are one product; ' marks a transpose. A padded step has no weight as a key.
 */
import { withGradient } from '../../autodiff/custom-gradient.ts';
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { fromNumbers } from '../../tensor/tensor.ts';
import { dropoutMask } from '../network/dropout.ts';
import { glorotUniform, zeroWeights } from '../network/layer.ts';
import type { WeightPlan } from '../network/layer.ts';

/** Added to a score that is to have no weight: e^-1e9 is 0 in float32, and a row without any key stays finite. */
const NEVER = -1e9;

export interface Heads {
  readonly numHeads: number;
  /** Width of a head. */
  readonly keyDim: number;
  readonly dropout: number;
  /** A step sees itself and those before it. */
  readonly isCausal: boolean;
}

export interface AttentionInputs {
  readonly weights: Readonly<Record<string, Value>>;
  /** [batch, time]: 1 at the steps that count. */
  readonly mask?: Value | undefined;
  /** In training. */
  readonly seed?: Value | undefined;
}

/** 4 (F n + n) for F = n features, as Keras's MultiHeadAttention. */
export function headWeights(features: number, { numHeads, keyDim }: Heads): Record<string, WeightPlan> {
  const width = numHeads * keyDim;
  return {
    qkv_kernel: { ...glorotUniform([features, 3 * width], { fanIn: features, fanOut: width }) },
    qkv_bias: zeroWeights([3 * width]),
    output_kernel: glorotUniform([width, features], { fanIn: width, fanOut: features }),
    output_bias: zeroWeights([features]),
  };
}

/** [batch, time, features] -> the same shape. */
export function attend(g: GraphBuilder, x: Value, heads: Heads, inputs: AttentionInputs): Value {
  const { numHeads, keyDim } = heads;
  const [batch, time] = x.shape as [number | string, number, number];
  const { qkv_kernel: kernel, qkv_bias: bias, output_kernel: outKernel, output_bias: outBias } = inputs.weights;
  const all = g.reshape(project(g, x, { kernel: kernel!, bias: bias! }), [batch, time, 3, numHeads, keyDim]);
  const parts = g.split(g.transpose(all, [2, 0, 3, 1, 4]), [1, 1, 1], 0);
  const [q, k, v] = parts.map((part) => g.reshape(part, [batch, numHeads, time, keyDim])) as [Value, Value, Value];
  const weighted = weigh(g, { q, k, v }, heads, inputs);
  const joined = g.reshape(g.transpose(weighted, [0, 2, 1, 3]), [batch, time, numHeads * keyDim]);
  return project(g, joined, { kernel: outKernel!, bias: outBias! });
}

interface Product {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
}

/** softmax(q k' / sqrt(d)) v over the steps that a query may see, [batch, heads, time, d]. */
function weigh(g: GraphBuilder, product: Product, heads: Heads, { mask, seed }: AttentionInputs): Value {
  const { q } = product;
  const [batch, , time] = q.shape as [number | string, number, number, number];
  const biases = heads.isCausal ? [laterSteps(g, time, q)] : [];
  if (mask !== undefined) biases.push(g.reshape(g.mul(g.sub(1, mask), NEVER), [batch, 1, 1, time]));
  const hide = (scores: Value): Value => biases.reduce((sum, bias) => g.add(sum, bias), scores);
  const scale = 1 / Math.sqrt(heads.keyDim);
  if (seed !== undefined) return trained(g, product, { scale, hide, dropout: heads.dropout, seed });
  const scores = g.matMul(g.mul(q, scale), g.transpose(product.k, [0, 1, 3, 2]));
  return g.matMul(g.softmax(hide(scores), -1), product.v);
}

/**
 * The same in training, by the fused product that step graphs may use and files may not, and with a gradient of its own. Of O = P V and P = softmax(S):
 * dS = P * (dO V' - rowsum(dO * O)), where the sum over the few features stands for one of the softmax over all steps (T. Dao et al., 2022).
 */
function trained(
  g: GraphBuilder,
  { q, k, v }: Product,
  { scale, hide, dropout, seed }: { scale: number; hide: (scores: Value) => Value; dropout: number; seed: Value },
): Value {
  const [output] = withGradient(g, [q, k, v], () => {
    const p = g.softmax(hide(g.fusedMatMul(q, k, { transB: true, alpha: scale })), -1);
    const kept = dropout === 0 ? undefined : dropoutMask(g, p, { rate: dropout, seed });
    const drop = (value: Value): Value => (kept === undefined ? value : g.mul(value, kept));
    const dropped = drop(p);
    const o = g.matMul(dropped, v);
    return {
      outputs: [o],
      gradient([dO]) {
        const sum = g.reduceSum(g.mul(dO!, o), { axes: [-1], keepdims: true });
        const dS = g.mul(p, g.sub(drop(g.fusedMatMul(dO!, v, { transB: true })), sum));
        return [
          () => g.fusedMatMul(dS, k, { alpha: scale }),
          () => g.fusedMatMul(dS, q, { transA: true, alpha: scale }),
          () => g.fusedMatMul(dropped, dO!, { transA: true }),
        ];
      },
    };
  });
  return output!;
}

function laterSteps(g: GraphBuilder, time: number, { dtype }: Value): Value {
  const values = Float64Array.from({ length: time * time }, (_, i) => (i % time > Math.floor(i / time) ? NEVER : 0));
  return g.constant(fromNumbers(dtype as 'float32', values, [time, time]));
}

/** x W + b over the last axis of [batch, time, features]: one product over all rows. */
export function project(g: GraphBuilder, x: Value, { kernel, bias }: { kernel: Value; bias: Value }): Value {
  if (x.shape.length === 2) return g.gemm(x, kernel, { c: bias });
  const rows = g.reshape(x, [-1, x.shape.at(-1)!]);
  return g.reshape(g.gemm(rows, kernel, { c: bias }), [...x.shape.slice(0, -1), kernel.shape[1]!]);
}
