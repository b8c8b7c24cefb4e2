/**
 * Shapley values of models that are linear in their encoded columns, in closed form: phi_i = w_i (x_i - mean_i), and a feature's is the sum over its
 * columns (a category's one-hot group, a date's cycles). Source: S. Lundberg, S.-I. Lee, "A Unified Approach to Interpreting Model Predictions"
 * (2017), corollary 1. The means are those of all training rows, not of a sample.
 */
import type { FeatureSchema } from '../../runtime/model-schema.ts';
import { toNumbers } from '../../tensor/tensor.ts';
import { select } from '../aim.ts';
import { completenessOf } from '../completeness.ts';
import type { Method, Question } from '../contract.ts';
import { joinRows } from '../rows.ts';
import type { Subject } from '../subject.ts';

const COEF = 'learned/coef';
const INTERCEPT = 'learned/intercept';

/** Rows: the columns of X W; columns: the figures made of them. */
type Mixing = readonly (readonly number[])[];

/** How a family makes its figures of X W + b. */
const MIXINGS: Readonly<Record<string, (columns: number, figures: number) => Mixing | undefined>> = {
  linear_regression: () => [[1]],
  // Two classes have one column, the log-odds of the second.
  logistic_regression: (columns, figures) => (columns === 1 ? [[0, 1]] : identity(figures)),
  // A positive decision speaks for the first of two classes; votes of more are not linear.
  svm: (columns, figures) => (figures === 1 ? [[1]] : columns === 1 ? [[1, -1]] : undefined),
};

const identity = (size: number): number[][] =>
  Array.from({ length: size }, (_, i) => Array.from({ length: size }, (__, j) => Number(i === j)));

interface LinearModel {
  /** The value in the graph that holds the encoded rows. */
  readonly x: string;
  /** [width][columns] */
  readonly coef: readonly number[];
  readonly intercept: readonly number[];
  readonly mixing: Mixing;
}

function linearModel({ graph, schema, kind }: Subject): LinearModel | undefined {
  const [coef, intercept] = [graph.initializers.get(COEF), graph.initializers.get(INTERCEPT)];
  const product = graph.nodes.find(({ inputs }) => inputs[1] === COEF);
  if (coef === undefined || intercept === undefined || product === undefined || kind === 'probability')
    return undefined;
  const mixing = MIXINGS[schema.family]?.(coef.shape[1]!, schema.classes?.length ?? 1);
  return mixing && { x: product.inputs[0]!, coef: toNumbers(coef), intercept: toNumbers(intercept), mixing };
}

export const linearShap: Method = {
  name: 'linear_shap',
  isAdditive: true,
  needs: 'background',
  refusal(subject) {
    if (linearModel(subject) !== undefined) return undefined;
    return `it explains models that are linear in their encoded features, which this ${subject.schema.family} is not: use exact_shap or kernel_shap`;
  },
  passes: () => 2,
  async explain(subject, question) {
    const model = linearModel(subject)!;
    const { weights } = question.aim;
    const [x] = (await subject.values(question.row, model.x)) as [Float64Array];
    const [figures] = (await subject.run(question.row)) as [Float64Array];
    const means = await meansOf(subject, question, model.x);
    const owners = columnOwners(subject, question.background!.widths);
    const { w, b } = weightsOf(model, weights);
    const attributions = Object.fromEntries(subject.schema.features.map(({ name }) => [name, new Float64Array(1)]));
    for (const [j, value] of x.entries()) attributions[owners[j]!]![0]! += w[j]! * (value - means[j]!);
    const output = select(figures, weights);
    const baseValue = means.reduce((sum, mean, j) => sum + w[j]! * mean, b);
    return { attributions, output, baseValue, completeness: completenessOf(attributions, { output, baseValue }) };
  },
};

/** The weights w and the constant b of the explained number. */
function weightsOf({ coef, intercept, mixing }: LinearModel, selector: Float64Array): { w: Float64Array; b: number } {
  const share = mixing.map((figures) => figures.reduce((sum, value, k) => sum + value * selector[k]!, 0));
  const w = new Float64Array(coef.length / share.length);
  for (const [at, value] of coef.entries()) w[Math.floor(at / share.length)]! += value * share[at % share.length]!;
  return { w, b: intercept.reduce((sum, value, c) => sum + value * share[c]!, 0) };
}

/** The means of all training rows where they are known, else of the background given. */
async function meansOf(subject: Subject, { background }: Question, x: string): Promise<Float64Array> {
  const { means, rows } = background!;
  if (means !== undefined) return means;
  const encoded = await subject.values(joinRows(rows), x);
  const sums = new Float64Array(encoded[0]!.length);
  for (const row of encoded) row.forEach((value, j) => (sums[j]! += value / rows.length));
  return sums;
}

/** The feature of each encoded column: numbers first, then dates, then categories (data/encoding-graph.ts). */
function columnOwners({ schema: { features } }: Subject, widths: Readonly<Record<string, number>>): string[] {
  const order = (type: FeatureSchema['type']): number => (type === 'category' ? 2 : type === 'datetime' ? 1 : 0);
  return features
    .toSorted((a, b) => order(a.type) - order(b.type))
    .flatMap(({ name, categories }) => Array<string>(categories?.length ?? widths[name] ?? 1).fill(name));
}
