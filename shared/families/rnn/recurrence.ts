/**
 * Cells over the steps of sequences, written out step by step. Sequences are laid out time first within the network, [time, batch, features]:
 * a step is a run of rows then, and no step needs a transpose.
 */
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { isStatic } from '../../tensor/shape.ts';
import { CELLS } from './cells.ts';
import type { CellConfig, CellName, CellState } from './cells.ts';

export interface Recurrence {
  readonly cell: CellName;
  readonly config: CellConfig;
  readonly weights: Readonly<Record<string, Value>>;
  /** [time, batch, 1]: at a step where it is 0 the state stays as it is, and the output is that of the step before. */
  readonly mask?: Value | undefined;
  /** From the last step to the first. */
  readonly isBackward: boolean;
}

/** The output of every step, in the order of time, [batch, units] each. */
export function outputsOf(g: GraphBuilder, x: Value, { cell, config, weights, mask, isBackward }: Recurrence): Value[] {
  const [time, batch, features] = x.shape as [number, number | string, number];
  const running = CELLS[cell].start(g, weights, config);
  const projections = running.project(g.reshape(x, [-1, features])).map((rows) => stepsOf(g, rows, time, batch));
  const masks = mask && stepsOf(g, g.reshape(mask, [-1, 1]), time, batch);
  const order = Array.from({ length: time }, (_, t) => (isBackward ? time - 1 - t : t));
  const outputs: Value[] = [];
  let state: CellState | undefined;
  for (const t of order) {
    const inputs = projections.map((steps) => steps[t]!);
    const next = running.step(inputs, state);
    state = masks ? maskedState(g, masks[t]!, next, state) : next;
    outputs[t] = state.h;
  }
  return outputs;
}

/** m next + (1 - m) previous */
function maskedState(g: GraphBuilder, m: Value, next: CellState, previous: CellState | undefined): CellState {
  const mix = (a: Value, b: Value | undefined): Value =>
    b === undefined ? g.mul(a, m) : g.add(b, g.mul(g.sub(a, b), m));
  const h = mix(next.h, previous?.h);
  return next.c === undefined ? { h } : { h, c: mix(next.c, previous?.c) };
}

/** [time * batch, n] to a value [batch, n] per step. */
function stepsOf(g: GraphBuilder, rows: Value, time: number, batch: number | string): Value[] {
  const width = rows.shape[1]!;
  if (typeof batch === 'number') return g.split(rows, Array<number>(time).fill(batch), 0);
  const steps = g.split(g.reshape(rows, [time, batch, width]), Array<number>(time).fill(1), 0);
  return steps.map((step) => g.reshape(step, [batch, width]));
}

/** [batch, n] of every step to [time, batch, n]. */
export function sequenceOf(g: GraphBuilder, steps: readonly Value[]): Value {
  const [batch, width] = steps[0]!.shape;
  const rows = steps.length === 1 ? steps[0]! : g.concat(steps, 0);
  return g.reshape(rows, [steps.length, batch!, width!]);
}

/** Sequences as they are known outside, [batch, time, features], and back: the same move. */
export function swapTime(g: GraphBuilder, x: Value): Value {
  const [first, second, features] = x.shape as [number | string, number | string, number];
  // With one step or one row the order of the elements is the same.
  if (isStatic([first]) && first === 1) return g.reshape(x, [second, 1, features]);
  return g.transpose(x, [1, 0, 2]);
}
