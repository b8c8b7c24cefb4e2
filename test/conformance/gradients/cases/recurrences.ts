/** Recurrences, whose gradient is stated as a whole: every cell, both directions, all steps and the last, with and without a mask. */
import { CELLS } from '../../../../shared/families/rnn/cells.ts';
import type { CellName } from '../../../../shared/families/rnn/cells.ts';
import { recurOver } from '../../../../shared/families/rnn/recurrence.ts';
import type { Recurrence } from '../../../../shared/families/rnn/recurrence.ts';
import { fromNumbers } from '../../../../shared/tensor/tensor.ts';
import type { Value } from '../../../../shared/onnx/graph.ts';
import type { GraphBuilder } from '../../../../shared/onnx/graph-builder.ts';
import { casesOf } from '../gradient-case.ts';
import type { Build, GradientCase } from '../gradient-case.ts';

const [TIME, BATCH, FEATURES, UNITS] = [4, 2, 3, 5] as const;
/** [time, batch]: a gap, and ends before and after the others. */
const MASK = [0, 1, 1, 0, 1, 1, 0, 1];

type Options = Partial<Pick<Recurrence, 'isBackward'>> & {
  readonly isSequence?: boolean;
  readonly isMasked?: boolean;
  readonly activation?: Recurrence['config']['activation'];
};

const maskOf = (g: GraphBuilder, { dtype }: Value): Value =>
  g.constant(fromNumbers(dtype as 'float32', MASK, [TIME, BATCH, 1]));

/** The sequences first, then the weights in their order. */
function cellCase(
  cell: CellName,
  { isBackward = false, isSequence = false, isMasked = false, activation }: Options,
): readonly [(readonly number[])[], Build] {
  const weights = Object.entries(CELLS[cell].weights(FEATURES, UNITS));
  const shapes = [[TIME, BATCH, FEATURES], ...weights.map(([, { shape }]) => shape)];
  const build: Build = (g, x, ...values) =>
    recurOver(
      g,
      x,
      {
        cell,
        config: { units: UNITS, ...(activation && { activation }) },
        weights: Object.fromEntries(weights.map(([name], i) => [name, values[i]!])),
        isBackward,
        ...(isMasked && { mask: maskOf(g, x) }),
      },
      isSequence,
    );
  return [shapes, build];
}

const titled = (options: Options): string =>
  [
    options.isSequence ? 'all steps' : 'the last step',
    ...(options.isBackward ? ['backward'] : []),
    ...(options.isMasked ? ['masked'] : []),
    ...(options.activation ? [options.activation] : []),
  ].join(', ');

const ways = [false, true].flatMap((isSequence) =>
  [false, true].flatMap((isBackward) =>
    [false, true].map((isMasked): Options => ({ isSequence, isBackward, isMasked })),
  ),
);
const activations = (['relu', 'sigmoid', 'linear'] as const).map((activation): Options => ({ activation }));

export const recurrenceCases: readonly GradientCase[] = (Object.keys(CELLS) as CellName[]).flatMap((cell) =>
  casesOf(
    cell,
    Object.fromEntries(
      [...ways, ...(cell === 'simple_rnn' ? activations : [])].map((options) => [
        titled(options),
        cellCase(cell, options),
      ]),
    ),
  ),
);
