/** Control flow: nodes with nested graphs, which may use the values of the graphs around them. */
import { sameShape } from '../tensor/shape.ts';
import type { Value } from './graph.ts';
import { GraphBuilder } from './graph-builder.ts';

export interface LoopOptions {
  /** How often: an int64 of no dimensions. */
  readonly count: Value;
  /** Initial values of what each turn hands to the next; their types stay the same. */
  readonly carried: readonly Value[];
  /** Builds one turn from its number (int64, from 0) and the carried values. */
  readonly body: (g: GraphBuilder, turn: Value, carried: readonly Value[]) => LoopTurn;
}

export interface LoopTurn {
  readonly carried: readonly Value[];
  /** Values stacked over the turns along a new first axis. */
  readonly stacked?: readonly Value[];
}

/** Runs the body `count` times: the last carried values and the stacked ones. */
export function loop(g: GraphBuilder, { count, carried, body }: LoopOptions): { carried: Value[]; stacked: Value[] } {
  const inner = new GraphBuilder('body', g);
  const turn = inner.input(g.freeName('turn'), 'int64', []);
  const condition = inner.input(g.freeName('condition'), 'bool', []);
  const inputs = carried.map((value, i) => inner.input(g.freeName(`carried_${i}`), value.dtype, value.shape));
  const result = body(inner, turn, inputs);
  requireSameTypes(inner, 'Loop', [carried, result.carried]);
  const outputs = [condition, ...result.carried, ...(result.stacked ?? [])];
  for (const [i, value] of outputs.entries()) inner.output(value, g.freeName(`next_${i}`));
  const turns = typeof count.constant?.data[0] === 'bigint' ? Number(count.constant.data[0]) : 'turns';
  const stacked = (result.stacked ?? []).map(({ dtype, shape }) => ({ dtype, shape: [turns, ...shape] }));
  const values = g.node('Loop', [count, g.scalar(1, 'bool'), ...carried], { body: { graph: inner } }, [
    ...result.carried,
    ...stacked,
  ]);
  return { carried: values.slice(0, carried.length), stacked: values.slice(carried.length) };
}

export interface ScanOptions {
  /** Initial values of what each turn hands to the next; their types stay the same. */
  readonly carried: readonly Value[];
  /** Values that the turns take slice by slice along the first axis. */
  readonly sequences: readonly Value[];
  /** From the last slice to the first; what is stacked stands in the order of the slices either way. */
  readonly isReverse?: boolean;
  readonly body: (g: GraphBuilder, carried: readonly Value[], slices: readonly Value[]) => LoopTurn;
}

/** Runs the body over the slices of sequences: the last carried values and the stacked ones. Slices and stacks are not copied. */
export function scan(
  g: GraphBuilder,
  { carried, sequences, isReverse = false, body }: ScanOptions,
): { carried: Value[]; stacked: Value[] } {
  const inner = new GraphBuilder('body', g);
  const states = carried.map((value, i) => inner.input(g.freeName(`carried_${i}`), value.dtype, value.shape));
  const slices = sequences.map((value, i) => inner.input(g.freeName(`slice_${i}`), value.dtype, value.shape.slice(1)));
  const result = body(inner, states, slices);
  requireSameTypes(inner, 'Scan', [carried, result.carried]);
  const outputs = [...result.carried, ...(result.stacked ?? [])];
  for (const [i, value] of outputs.entries()) inner.output(value, g.freeName(`next_${i}`));
  const turns = sequences[0]!.shape[0]!;
  const stacked = (result.stacked ?? []).map(({ dtype, shape }) => ({ dtype, shape: [turns, ...shape] }));
  const directions = (count: number): number[] => Array<number>(count).fill(1);
  const values = g.node(
    'Scan',
    [...carried, ...sequences],
    {
      body: { graph: inner },
      num_scan_inputs: sequences.length,
      ...(isReverse && { scan_input_directions: directions(sequences.length) }),
      ...(isReverse && stacked.length > 0 && { scan_output_directions: directions(stacked.length) }),
    },
    [...result.carried, ...stacked],
  );
  return { carried: values.slice(0, carried.length), stacked: values.slice(carried.length) };
}

function requireSameTypes(
  g: GraphBuilder,
  op: string,
  [before, after]: readonly [readonly Value[], readonly Value[]],
): void {
  const same =
    before.length === after.length &&
    before.every(({ dtype, shape }, i) => after[i]!.dtype === dtype && sameShape(after[i]!.shape, shape));
  if (!same) throw g.mismatch(op, `carried values of unchanged types ${before.map((v) => v.name).join(', ')}`, after);
}
