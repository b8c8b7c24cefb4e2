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
  requireSameTypes(inner, carried, result.carried);
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

function requireSameTypes(g: GraphBuilder, before: readonly Value[], after: readonly Value[]): void {
  const same =
    before.length === after.length &&
    before.every(({ dtype, shape }, i) => after[i]!.dtype === dtype && sameShape(after[i]!.shape, shape));
  if (!same)
    throw g.mismatch('Loop', `carried values of unchanged types ${before.map((v) => v.name).join(', ')}`, after);
}
