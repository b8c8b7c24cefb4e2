/** Predictions of every step of a row; what lies after the end of a row is left out. */
import type { Label } from '../data/target.ts';
import type { OutputName } from '../families/contract.ts';
import type { HostTensor } from '../tensor/tensor.ts';

/** One entry per step; null where a step is masked. */
export interface StepClasses {
  readonly labels: readonly (Label | null)[];
  readonly probabilities: readonly (Readonly<Record<string, number>> | null)[];
}

type StepResults = Readonly<Partial<Record<OutputName, HostTensor>>>;

/** Of results [rows, time, ...]; `steps` is a row's shape, -1 where rows are of any length. */
export function stepAnswersOf(
  steps: readonly number[],
  { prediction, label, probabilities }: StepResults,
  { classes = [] }: { readonly classes?: readonly Label[] | undefined },
): (StepClasses | number[] | number[][])[] {
  const isOpen = steps[0] === -1;
  const figures = (prediction ?? probabilities)!;
  const [rows = 0, time = 0] = figures.shape;
  const width = prediction === undefined ? classes.length : (steps[1] ?? 1);
  const data = figures.data as Float32Array;
  return Array.from({ length: rows }, (_, row) => {
    const values = Array.from({ length: time }, (__, t) => stepAt(data, (row * time + t) * width, width));
    const end = values.findLastIndex(([first]) => !Number.isNaN(first)) + 1;
    const own = isOpen ? values.slice(0, end) : values;
    if (prediction !== undefined) return steps.length === 1 ? own.map(([number]) => number!) : own;
    return {
      labels: own.map(([first], t) => (Number.isNaN(first) ? null : Number(label!.data[row * time + t]))),
      probabilities: own.map((step) => (Number.isNaN(step[0]) ? null : byLabel(classes, step))),
    };
  });
}

function stepAt(data: Float32Array, begin: number, width: number): number[] {
  return Array.from(data.subarray(begin, begin + width));
}

function byLabel(classes: readonly Label[], values: readonly number[]): Record<string, number> {
  return Object.fromEntries(classes.map((label, k) => [String(label), values[k]!]));
}
