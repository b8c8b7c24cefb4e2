/**
 * The smallest change that turns a linear model's answer, in closed form: what each feature gains per distance does not depend on the others, so that the best
 * numbers are moved as far as they go, one after the other, beside none, one, two, ... of the best choices, which cost one each. Numbers are a fractional knapsack
 * then, whose greedy solution is the best one (G. Dantzig, 1957); whole numbers are taken as any for the bound, and rounded up for the row.
 */
import { linearShap } from '../methods/linear-shap.ts';
import { joinRows } from '../rows.ts';
import type { Subject } from '../subject.ts';
import type { Feeds } from '../terms.ts';
import { inUnits, stepOf } from './space.ts';
import type { Axis, Change, Space } from './space.ts';

export interface LinearOptimum {
  /** No row nearer than this has another class; Infinity where no row at all has one. */
  readonly bound: number;
  /** Changes at that distance, but for rounding: the answer is about to turn. */
  readonly changes: readonly Change[];
}

/** Are the figures sums over the features that may change, linear in every number? Dates have cycles, and where a missing number lies is not known. */
export function isLinear(subject: Subject, { axes }: Space): boolean {
  const isSimple = axes.every(({ type, from }) => type !== 'datetime' && !Number.isNaN(from));
  return isSimple && linearShap.refusal(subject, axes.length) === undefined;
}

/** The nearest row at which one of the rivals is as likely as the row's own class. */
export async function linearOptimum(
  subject: Subject,
  space: Space,
  { own, rivals }: { readonly own: number; readonly rivals: readonly number[] },
): Promise<LinearOptimum> {
  const changes = space.axes.flatMap((axis) =>
    (axis.kind === 'choice' ? axis.values : [axis.low, axis.high]).map((value): Change => ({ axis, value })),
  );
  const rows: Feeds[] = [space.row, ...changes.map((change) => space.apply([change]))];
  const figures = await subject.run(joinRows(rows));
  const optima = rivals.map((rival) => {
    const margins = figures.map((row) => row[rival]! - row[own]!);
    const gains = changes.map((change, i) => ({ change, gain: margins[i + 1]! - margins[0]! }));
    return nearest(gains, -margins[0]!);
  });
  return optima.reduce((best, other) => (other.bound < best.bound ? other : best), { bound: Infinity, changes: [] });
}

interface Gain {
  readonly change: Change;
  /** What it adds to the rival's lead. */
  readonly gain: number;
}

function nearest(gains: readonly Gain[], needed: number): LinearOptimum {
  const best = [...Map.groupBy(gains, ({ change }) => change.axis).values()]
    .map((own) => own.reduce((most, other) => (other.gain > most.gain ? other : most)))
    .filter(({ gain, change }) => gain > 0 && stepOf(change) > 0);
  const choices = best.filter(({ change }) => change.axis.kind === 'choice').sort((a, b) => b.gain - a.gain);
  const numbers = best.filter(({ change }) => change.axis.kind !== 'choice').sort((a, b) => pace(b) - pace(a));
  let optimum: LinearOptimum = { bound: Infinity, changes: [] };
  for (let count = 0, rest = needed; count <= choices.length; rest -= choices[count++]?.gain ?? 0) {
    const moved = fill(numbers, rest);
    if (moved === undefined || count + moved.bound >= optimum.bound) continue;
    const chosen = choices.slice(0, count).map(({ change }) => change);
    optimum = { bound: count + moved.bound, changes: [...chosen, ...moved.changes] };
  }
  return optimum;
}

/** Gain per distance. */
const pace = ({ change, gain }: Gain): number => gain / stepOf(change);

/** The numbers moved until they gain what is needed, the fastest first; undefined where all of them do not. */
function fill(numbers: readonly Gain[], needed: number): LinearOptimum | undefined {
  const changes: Change[] = [];
  let [rest, bound] = [needed, 0];
  for (const { change, gain } of numbers) {
    if (rest <= 0) break;
    const share = Math.min(1, rest / gain);
    const { axis, value } = change;
    changes.push({ axis, value: between(axis, value as number, share) });
    bound += share * stepOf(change);
    rest -= share * gain;
  }
  return rest > 1e-12 * Math.abs(needed) ? undefined : { bound, changes };
}

const between = ({ from }: Axis, to: number, share: number): number => Number(from) + share * (to - Number(from));

/** The changes taken a little further, whole numbers to the next: figures are rounded. */
export function beyond(changes: readonly Change[], overshoot: number): Change[] {
  return changes.map(({ axis, value }) => {
    if (axis.kind === 'choice') return { axis, value };
    const [from, to] = [Number(axis.from), Number(value)];
    const further = from + (to - from) * (1 + overshoot);
    const round = to > from ? (value: number) => Math.ceil(value - 1e-9) : (value: number) => Math.floor(value + 1e-9);
    const moved = axis.unit === undefined ? further : inUnits(axis, to, round);
    return { axis, value: Math.min(axis.high, Math.max(axis.low, moved)) };
  });
}
