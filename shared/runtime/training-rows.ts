/** Which rows a training learns from and what they should give: those of a table, the windows of a series, the passages of a text. */
import { columnOf } from '../data/columns.ts';
import type { Preprocessing } from '../data/encoding.ts';
import { passagesOf } from '../data/passages.ts';
import { splitRows } from '../data/split.ts';
import type { Split } from '../data/split.ts';
import { NO_TARGET, readTarget, requireEqualLengths } from '../data/target.ts';
import type { Label, Target } from '../data/target.ts';
import type { Table } from '../data/table.ts';
import { textSettings } from '../data/text.ts';
import type { TextSettings } from '../data/text.ts';
import { splitWindows, windowsOf } from '../data/windows.ts';
import type { Samples } from '../families/contract.ts';
import { validationFraction } from '../families/spec.ts';
import type { TrainingSpec } from '../families/spec.ts';
import { takesText } from '../families/validate.ts';
import type { CheckedTraining } from '../families/validate.ts';

/** Which rows of which table. */
export interface Rows {
  readonly table: Table;
  readonly rows: Int32Array;
  /** Which rows of the data these are, from 0, where the table has only some of them. */
  readonly numbers?: Int32Array | undefined;
}

/** Encoded rows and where they come from. */
export interface EncodedRows {
  readonly samples: Samples;
  readonly rows: Rows;
}

/** Rows to learn from: those of the data, or the windows of a series. */
export interface LearnedRows {
  readonly table: Table;
  readonly target: Target;
}

/** How the family reads text, if it does; a row of a language model is its context and the token that follows. */
export function textOf({ family, task, params }: CheckedTraining, { text }: Preprocessing): TextSettings | undefined {
  if (!takesText(family)) return undefined;
  if (task !== 'language_modelling') return textSettings(text);
  return { ...textSettings(text, { isWritten: true }), maxLength: family.contextOf!(params) + 1 };
}

export function learnedRows(
  { family, task, params, target, features }: CheckedTraining,
  table: Table,
  { text, labels }: { text: TextSettings | undefined; labels?: readonly Label[] | undefined },
): LearnedRows {
  if (task === 'language_modelling') {
    const passages = { context: text!.maxLength - 1, tokens: text!.tokens };
    return { table: passagesOf(table, features[0]!, passages), target: NO_TARGET };
  }
  if (task === 'clustering' || target === undefined) return { table, target: NO_TARGET };
  if (task === 'forecasting') return windowsOf(table, target, family.windowOf!(params));
  requireEqualLengths(columnOf(table, features[0]!), columnOf(table, target), { rows: table.rows });
  return { table, target: readTarget(table, target, task, labels) };
}

/** The rows to learn from and those to validate with. */
export function splitOf(
  spec: TrainingSpec,
  { family, task, params }: CheckedTraining,
  { rows, target }: { readonly rows: number; readonly target: Target },
): Split {
  const fraction = validationFraction(spec);
  if (task === 'language_modelling') return splitWindows(rows, fraction, { window: 1, horizon: 1 });
  if (task === 'forecasting') return splitWindows(rows, fraction, family.windowOf!(params));
  return splitRows(rows, fraction, {
    seed: spec.seed ?? 0,
    ...(target.kind === 'classes' && target.steps === undefined ? { classes: target.values } : {}),
  });
}

/** The target of some of `total` rows. */
export function pickTarget(target: Target, rows: Int32Array, total: number): Target {
  if (target.kind === 'none') return target;
  const width = target.values.length / total;
  const at = (i: number): number => rows[Math.floor(i / width)]! * width + (i % width);
  const picked = { length: rows.length * width };
  if (target.kind === 'numbers')
    return { ...target, values: Float64Array.from(picked, (_, i) => target.values[at(i)]!) };
  return { ...target, values: Int32Array.from(picked, (_, i) => target.values[at(i)]!) };
}
