/**
 * Dates (seconds since the epoch, UTC) as numbers, in float64 ONNX nodes: the seconds standardised, and sine and cosine of the time of day,
 * the weekday and the month. The month is that of the proleptic Gregorian calendar, by H. Hinnant's `civil_from_days`
 * (http://howardhinnant.github.io/date_algorithms.html), which counts years from March so that leap days come last.
 */
import type { Value } from '../onnx/graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';

export const CYCLES = ['hour', 'weekday', 'month'] as const;
export type Cycle = (typeof CYCLES)[number];

/** Where in its cycle a date is: a pure function of the seconds, which emitDates repeats as nodes. */
export function cyclePosition(cycle: Cycle, seconds: number): number {
  const date = new Date(seconds * 1000);
  if (cycle === 'hour') return seconds - Math.floor(seconds / DAY_S) * DAY_S;
  return cycle === 'weekday' ? date.getUTCDay() : date.getUTCMonth();
}

const DAY_S = 86_400;
const PERIODS: Readonly<Record<Cycle, number>> = { hour: DAY_S, weekday: 7, month: 12 };

/** The names of what emitDates makes of a column. */
export function dateColumns(name: string, cycles: readonly Cycle[]): string[] {
  return [name, ...cycles.flatMap((cycle) => [`${name}:${cycle}_sin`, `${name}:${cycle}_cos`])];
}

/** Seconds [batch, 1] -> [batch, 1 + 2 cycles]. */
export function emitDates(
  g: GraphBuilder,
  seconds: Value,
  { mean, scale, cycles }: { readonly mean: number; readonly scale: number; readonly cycles: readonly Cycle[] },
): Value {
  const days = g.floor(g.div(seconds, DAY_S));
  const positions: Readonly<Record<Cycle, () => Value>> = {
    hour: () => g.sub(seconds, g.mul(days, DAY_S)),
    // The epoch was a Thursday.
    weekday: () => modulo(g, g.add(days, 4), 7),
    month: () => g.add(monthFromMarch(g, days), 2),
  };
  const parts = cycles.flatMap((cycle) => {
    const angle = g.mul(positions[cycle](), (2 * Math.PI) / PERIODS[cycle]);
    // ONNX Runtime has no cosine in float64.
    return [g.sin(angle), g.sin(g.add(angle, Math.PI / 2))];
  });
  return g.concat([g.mul(g.sub(seconds, mean), 1 / scale), ...parts], 1);
}

/** 0 for March to 11 for February, of days since the epoch. */
function monthFromMarch(g: GraphBuilder, days: Value): Value {
  const quotient = (x: Value, divisor: number): Value => g.floor(g.div(x, divisor));
  const dayOfEra = modulo(g, g.add(days, 719_468), 146_097);
  const leaps = g.add(g.sub(quotient(dayOfEra, 1460), quotient(dayOfEra, 36_524)), quotient(dayOfEra, 146_096));
  const year = quotient(g.sub(dayOfEra, leaps), 365);
  const leapDays = g.sub(quotient(year, 4), quotient(year, 100));
  const dayOfYear = g.sub(dayOfEra, g.add(g.mul(year, 365), leapDays));
  return quotient(g.add(g.mul(dayOfYear, 5), 2), 153);
}

function modulo(g: GraphBuilder, x: Value, divisor: number): Value {
  return g.sub(x, g.mul(g.floor(g.div(x, divisor)), divisor));
}
