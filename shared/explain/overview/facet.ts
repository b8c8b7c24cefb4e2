/** The fairness figures of a training, from the column that its job names: over all rows before training, over the rows kept apart after it. */
import { cellValue, columnOf } from '../../data/columns.ts';
import { matrixColumns } from '../../data/encoding-graph.ts';
import { featureFeeds } from '../../data/feature-matrix.ts';
import type { Label } from '../../data/target.ts';
import type { Table } from '../../data/table.ts';
import type { Engine } from '../../onnx/engine.ts';
import type { Preparation } from '../../runtime/preparation.ts';
import { predictedOf } from '../aim.ts';
import { Subject } from '../subject.ts';
import { labelMeasures, predictionMeasures } from './fairness.ts';
import type { Measures } from './fairness.ts';
import type { Neighbours } from './flip-test.ts';

export interface FairnessQuestion {
  readonly column: string;
  /** The value whose rows may be at a disadvantage. */
  readonly facet: Label;
  /** The label that is wished for. */
  readonly favorable: Label;
  /** The column that the conditional disparities CDDL and CDDPL are taken within. */
  readonly group?: string | undefined;
}

export interface Fairness extends FairnessQuestion {
  readonly before_training: Measures & { readonly rows: number };
  readonly after_training: Measures & { readonly rows: number; readonly from: 'validation' | 'training' };
}

interface FairnessData {
  readonly prepared: Preparation;
  /** The sensitive column and that of the groups, of the rows that were trained on, and of those kept apart. */
  readonly sensitive: { readonly train: Table; readonly heldOut: Table };
  readonly engine: Engine;
}

/** Or why there are none: the facet or the label does not occur among the rows. */
export async function fairnessOf(
  model: Uint8Array,
  question: FairnessQuestion,
  { prepared, sensitive, engine }: FairnessData,
): Promise<Fairness | string> {
  const { problem, trainRows, heldOut } = prepared;
  const { train, validation } = problem;
  if (train.target.kind !== 'classes' || train.target.values.length !== trainRows.rows.length)
    return 'fairness: a row has a label for each of its steps';
  const favorable = train.target.labels.findIndex((label) => String(label) === String(question.favorable));
  const facets = (table: Table, rows: Int32Array): Uint8Array => {
    const column = columnOf(table, question.column);
    return Uint8Array.from(rows, (row) => Number(String(cellValue(column, row)) === String(question.facet)));
  };
  const groups = (table: Table, rows: Int32Array): string[] | undefined => {
    if (question.group === undefined) return undefined;
    const column = columnOf(table, question.group);
    return Array.from(rows, (row) => String(cellValue(column, row)));
  };
  const inTraining = facets(sensitive.train, trainRows.numbers ?? trainRows.rows);
  if (favorable < 0)
    return `fairness: no row that was learned from has the label ${JSON.stringify(question.favorable)}`;
  if (!inTraining.includes(1))
    return `fairness: no row that was learned from has ${question.column} = ${JSON.stringify(question.facet)}`;
  const isFavorable = (values: ArrayLike<number>): Uint8Array =>
    Uint8Array.from(values, (label) => Number(label === favorable));
  const judged = heldOut ?? trainRows;
  const subject = new Subject(model, engine);
  const figures = await subject.run(featureFeeds(judged.table, prepared.encodings, judged.rows));
  await subject.release();
  const judgedTable = heldOut === undefined ? sensitive.train : sensitive.heldOut;
  const judgedRows = judged.numbers ?? judged.rows;
  const after = {
    isFacet: facets(judgedTable, judgedRows),
    group: groups(judgedTable, judgedRows),
    observed: isFavorable((validation ?? train).target.values),
    predicted: isFavorable(figures.map((row) => predictedOf(row))),
    neighbours: neighboursOf(prepared, question.column),
  };
  const before = {
    isFacet: inTraining,
    group: groups(sensitive.train, trainRows.numbers ?? trainRows.rows),
    observed: isFavorable(train.target.values),
  };
  return {
    ...question,
    before_training: { rows: trainRows.rows.length, ...labelMeasures(before) },
    after_training: {
      rows: judged.rows.length,
      from: heldOut === undefined ? 'training' : 'validation',
      ...predictionMeasures(after),
    },
  } as Fairness;
}

/** The encoded columns but the sensitive one's; undefined of texts and tensors, which are not alike number by number. */
function neighboursOf({ encodings, problem }: Preparation, sensitive: string): Neighbours | undefined {
  const { x } = problem.validation ?? problem.train;
  if (encodings.some(({ type }) => type === 'text' || type === 'tensor') || x.shape.length !== 2) return undefined;
  const columns = matrixColumns(encodings);
  const compared = columns.flatMap((column, j) =>
    column === sensitive || column.startsWith(`${sensitive}=`) ? [] : [j],
  );
  return { data: x.data, width: columns.length, compared };
}
