/**
 * A cell over the steps of sequences, as one Scan of the graph however many steps there are. Its gradient is stated as a whole: the slopes of a step are taken
 * while its values are in cache, a step of the way back is a product and few elementwise nodes, and all that is a sum over steps is one product afterwards.
 * Sequences are [time, batch, features] within the network, and [time, features, batch] in here. Measured in bench/README.md.
 */
import { withGradient } from '../../autodiff/custom-gradient.ts';
import type { PartGradient } from '../../autodiff/custom-gradient.ts';
import { scan } from '../../onnx/control.ts';
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { isStatic } from '../../tensor/shape.ts';
import { CELLS } from './cells.ts';
import type { CellConfig, CellName, Weights } from './cells.ts';
import { filled } from './filled.ts';

export interface Recurrence {
  readonly cell: CellName;
  readonly config: CellConfig;
  readonly weights: Weights;
  /** [time, batch, 1]: at a step where it is 0 the state stays as it is, and the output is that of the step before. */
  readonly mask?: Value | undefined;
  /** From the last step to the first. */
  readonly isBackward: boolean;
}

/** What the recurrence is computed from; x has a row of ones at its end. */
interface Operands {
  readonly matrix: Value;
  /** [time, features + 1, batch] */
  readonly x: Value;
  /** [time, units, batch] */
  readonly extra: Value | undefined;
  /** [time, 1, batch] */
  readonly mask: Value | undefined;
}

/** The outputs of all steps [time, batch, units], or that of the last one processed [batch, units]. */
export function recurOver(g: GraphBuilder, x: Value, recurrence: Recurrence, isSequence: boolean): Value {
  const { cell, config, weights, mask } = recurrence;
  const kind = CELLS[cell];
  const [time, batch] = x.shape as [number, number];
  const extra = kind.extra?.(g, x, weights);
  const ones = filled(g, [time, 1, batch], { value: 1, like: x });
  const operands = {
    matrix: kind.matrix(g, weights, config.units),
    x: g.concat([turned(g, x), ones], 1),
    extra: extra && turned(g, extra),
    mask: mask && turned(g, mask),
  };
  const inputs = [operands.matrix, operands.x, ...(operands.extra ? [operands.extra] : [])];
  const [output] = withGradient(g, inputs, () => forward(g, operands, recurrence, isSequence)) as [Value];
  return isSequence ? turned(g, output) : g.transpose(output);
}

function forward(
  g: GraphBuilder,
  operands: Operands,
  { cell, config, isBackward }: Recurrence,
  isSequence: boolean,
): { outputs: Value[]; gradient: PartGradient } {
  const { matrix, x, extra, mask } = operands;
  const kind = CELLS[cell];
  const { hasMemory = false } = kind;
  const zero = filled(g, [config.units, x.shape[2]!], { value: 0, like: x });
  const isTraining = isStatic(x.shape);
  const { carried, stacked } = scan(g, {
    carried: hasMemory ? [zero, zero] : [zero],
    sequences: [x, ...(extra ? [extra] : []), ...(mask ? [mask] : [])],
    isReverse: isBackward,
    body(body, state, [xt, ...others]) {
      const joined = body.concat([state[0]!, xt!], 0);
      const inputs = { state, extra: extra && others[0] };
      const { state: next, slopes } = kind.step(body, body.matMul(matrix, joined), inputs, config);
      const m = mask && others.at(-1);
      const kept = m ? next.map((value, i) => mixed(body, m, value, state[i]!)) : next;
      return {
        carried: kept,
        stacked: [...(isSequence ? [kept[0]!] : []), ...(isTraining ? [joined, ...slopes()] : [])],
      };
    },
  });
  const output = isSequence ? stacked[0]! : carried[0]!;
  const [joined, ...slopes] = isSequence ? stacked.slice(1) : stacked;
  return {
    outputs: [output],
    gradient: ([dy]) => backward(g, operands, { cell, isBackward, isSequence, joined: joined!, slopes, dy: dy! }),
  };
}

interface Way {
  readonly cell: CellName;
  readonly isBackward: boolean;
  readonly isSequence: boolean;
  /** h_(t-1), x_t and 1 of every step. */
  readonly joined: Value;
  readonly slopes: readonly Value[];
  readonly dy: Value;
}

/** The cotangents of matrix, x and extra. */
function backward(
  g: GraphBuilder,
  { matrix, x, extra, mask }: Operands,
  { cell, isBackward, isSequence, joined, slopes, dy }: Way,
): ReturnType<PartGradient> {
  const kind = CELLS[cell];
  const [time, , batch] = x.shape as [number, number, number];
  const [rows, columns] = matrix.shape as [number, number];
  const units = columns - (x.shape[1] as number);
  const byH = g.transpose(g.slice(matrix, { axis: 1, end: units }));
  const zero = filled(g, [units, batch], { value: 0, like: x });
  const first = isSequence ? zero : dy;
  const sequences = [...slopes, ...(isSequence ? [dy] : []), ...(mask ? [mask] : [])];
  const { stacked } = scan(g, {
    carried: kind.hasMemory === true ? [first, zero] : [first],
    sequences,
    isReverse: !isBackward,
    body(body, [dhAfter, ...others], slices) {
      const dh = isSequence ? body.add(dhAfter!, slices[slopes.length]!) : dhAfter!;
      const dstate = [dh, ...others];
      const m = mask && slices.at(-1);
      // A masked step hands its cotangents on as they are.
      const taken = m ? dstate.map((value) => body.mul(value, m)) : dstate;
      const { dz, previous, extra: dextra } = kind.back(body, taken, slices);
      const throughH = body.matMul(byH, dz);
      const before = previous.map((value, i) => {
        const terms = [value, i === 0 ? throughH : undefined, m && body.sub(dstate[i]!, taken[i]!)];
        return terms.filter((term) => term !== undefined).reduce((sum, term) => body.add(sum, term));
      });
      return { carried: before, stacked: [dz, ...(dextra ? [dextra] : [])] };
    },
  });
  const [dz, dextra] = stacked as [Value, Value?];
  const overSteps = (value: Value, n: number): Value => g.reshape(g.transpose(value, [1, 0, 2]), [n, time * batch]);
  return [
    () => g.gemm(overSteps(dz, rows), overSteps(joined, columns), { transB: true }),
    () => g.matMul(g.transpose(g.slice(matrix, { axis: 1, start: units })), dz),
    extra === undefined ? null : () => dextra!,
  ];
}

/** m next + (1 - m) previous */
function mixed(g: GraphBuilder, m: Value, next: Value, previous: Value): Value {
  return g.add(previous, g.mul(g.sub(next, previous), m));
}

/** [time, a, b] to [time, b, a] */
const turned = (g: GraphBuilder, x: Value): Value => g.transpose(x, [0, 2, 1]);

/** Sequences as they are known outside, [batch, time, features], and back: the same move. */
export function swapTime(g: GraphBuilder, x: Value): Value {
  const [first, second, features] = x.shape as [number | string, number | string, number];
  // With one step or one row the order of the elements is the same.
  if (isStatic([first]) && first === 1) return g.reshape(x, [second, 1, features]);
  return g.transpose(x, [1, 0, 2]);
}
