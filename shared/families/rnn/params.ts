/** The parameters of `rnn`: a list of layers, or the shorthand of a cell and its units, and how to train them. */
import * as z from 'zod';
import type { Task } from '../contract.ts';
import type { LayerSpec } from '../network/layer.ts';
import { positive } from '../network/layers.ts';
import { layersSchema, trainingParams } from '../network/params.ts';
import { CELLS } from './cells.ts';
import type { CellName } from './cells.ts';
import { RNN_LAYERS } from './layers.ts';

const DEFAULT_CELL = 'lstm';
const DEFAULT_UNITS = 32;
const DEFAULT_WINDOW = 24;
const CELL_NAMES = Object.keys(CELLS) as [CellName, ...CellName[]];

const steps = z.number().int().min(1).max(1024);

export const rnnParams = z
  .strictObject({
    layers: layersSchema(RNN_LAYERS).optional(),
    cell: z
      .enum(CELL_NAMES)
      .optional()
      .describe('In place of `layers`: recurrent layers of this kind and a dense one.'),
    units: z
      .union([positive, z.array(positive).min(1).max(20)], {
        error: 'expected a whole number, or a list with one per recurrent layer',
      })
      .optional(),
    window: steps.optional().describe('Forecasting: how many past values a forecast is made from.'),
    horizon: steps.optional().describe('Forecasting: how many values ahead.'),
    ...trainingParams,
  })
  .superRefine(({ layers, cell, units }, context) => {
    if (layers === undefined || (cell === undefined && units === undefined)) return;
    const path = [cell === undefined ? 'units' : 'cell'];
    context.addIssue({ code: 'custom', path, message: 'stands in place of "layers": give one of the two' });
  });

export type RnnParams = z.infer<typeof rnnParams>;

export function windowOf({ window = DEFAULT_WINDOW, horizon = 1 }: RnnParams): { window: number; horizon: number } {
  return { window, horizon };
}

export interface LayersFor {
  readonly task: Task;
  readonly outputs: number;
  readonly isText?: boolean;
  /** Every step has an output. */
  readonly isPerStep?: boolean;
}

/** The layers as given, or those that `cell` and `units` stand for: recurrent ones on top of each other and a dense one, an embedding before them for text. */
export function layersOf(
  params: RnnParams,
  { task, outputs, isText = false, isPerStep = false }: LayersFor,
): readonly LayerSpec[] {
  const { layers, cell = DEFAULT_CELL, units = DEFAULT_UNITS } = params;
  if (layers !== undefined) return layers;
  const widths = typeof units === 'number' ? [units] : units;
  const recurrent = widths.map((width, i) => ({
    kind: cell,
    config: { units: width, return_sequences: isPerStep || i < widths.length - 1 },
  }));
  const activation = task === 'classification' ? 'softmax' : 'linear';
  const embedded = { kind: 'embedding', config: { output_dim: widths[0]!, mask_zero: true } };
  return [...(isText ? [embedded] : []), ...recurrent, { kind: 'dense', config: { units: outputs, activation } }];
}
