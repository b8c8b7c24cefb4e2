/**
 * A Scan of any body with a gradient: the way back is a Scan too, which runs each step anew from the state before it and takes the body's gradient there. It is one
 * node however many steps there are. What the body takes from around it counts as constant; what is to have a gradient is carried.
 * Source: A. Griewank, A. Walther, "Evaluating Derivatives", chapter 12 (recomputation from checkpoints, here of every step).
 */
import { scan } from '../onnx/control.ts';
import type { ScanOptions } from '../onnx/control.ts';
import type { Value } from '../onnx/graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { isFloat } from '../tensor/dtype.ts';
import { withGradient } from './custom-gradient.ts';
import type { PartGradient } from './custom-gradient.ts';
import { gradients } from './gradients.ts';

/** The last carried values, then the stacked ones. Shapes are static. */
export function differentiableScan(g: GraphBuilder, options: ScanOptions): readonly Value[] {
  const { carried, sequences, isReverse = false, body } = options;
  return withGradient(g, [...carried, ...sequences], () => {
    const { carried: last, stacked } = scan(g, {
      carried,
      sequences,
      isReverse,
      body(inner, state, slices) {
        const turn = body(inner, state, slices);
        return { carried: turn.carried, stacked: [...(turn.stacked ?? []), ...state] };
      },
    });
    const results = stacked.slice(0, stacked.length - carried.length);
    const before = stacked.slice(results.length);
    return { outputs: [...last, ...results], gradient: (dys) => wayBack(g, options, { before, dys }) };
  });
}

interface WayBack {
  /** The carried values before each step. */
  readonly before: readonly Value[];
  /** Cotangents of the last carried values and of the stacked ones. */
  readonly dys: readonly (Value | undefined)[];
}

/** The cotangents of the initial carried values and of the sequences; integers and booleans have none. */
function wayBack(
  g: GraphBuilder,
  { carried, sequences, isReverse = false, body }: ScanOptions,
  { before, dys }: WayBack,
): ReturnType<PartGradient> {
  const given = dys.slice(carried.length).flatMap((dy, i) => (dy === undefined ? [] : [{ i, dy }]));
  const way = scan(g, {
    carried: carried.flatMap((value, i) => (isFloat(value.dtype) ? [dys[i] ?? zerosLike(g, value)] : [])),
    sequences: [...before, ...sequences, ...given.map(({ dy }) => dy)],
    isReverse: !isReverse,
    body(inner, dstate, slices) {
      const inputs = slices.slice(0, before.length + sequences.length);
      const { carried: next, stacked = [] } = body(inner, inputs.slice(0, before.length), inputs.slice(before.length));
      const products = [
        ...floats(next).map((value, i) => inner.mul(value, dstate[i]!)),
        ...given.map(({ i }, k) => inner.mul(stacked[i]!, slices[inputs.length + k]!)),
      ];
      const total = products.map((product) => inner.reduceSum(product)).reduce((sum, term) => inner.add(sum, term));
      const parts = gradients(inner, total, floats(inputs), { isZeroWhereUnreached: true });
      const count = dstate.length;
      return { carried: parts.slice(0, count), stacked: parts.slice(count) };
    },
  });
  const parts = [...way.carried, ...way.stacked].values();
  return [...carried, ...sequences].map(({ dtype }) => {
    const part = isFloat(dtype) ? parts.next().value! : undefined;
    return part === undefined ? null : () => part;
  });
}

const floats = (values: readonly Value[]): Value[] => values.filter(({ dtype }) => isFloat(dtype));

const zerosLike = (g: GraphBuilder, { dtype, shape }: Value): Value =>
  g.expand(g.scalar(0, dtype as 'float32'), shape as readonly number[]);
