/**
 * How a classification treats the rows of a sensitive facet (d) beside all others (a), before training by the labels and after it by the predictions, under the
 * names that Amazon SageMaker Clarify gives the measures. q is the share of favorable labels, q' of favorable predictions.
 * Sources: AWS, "Fairness Measures for Machine Learning in Finance" (2020); the SageMaker developer guide, pre- and post-training bias metrics; the signs, and
 * what the guide leaves open, are those of github.com/aws/amazon-sagemaker-clarify, whose DCA is the guide's DCAcc.
 */
import { flipTest } from './flip-test.ts';
import type { Neighbours } from './flip-test.ts';

export interface FairnessRows {
  /** 1 where the row belongs to the facet. */
  readonly isFacet: Uint8Array;
  /** 1 where the label is the favorable one. */
  readonly observed: Uint8Array;
  /** Of the predictions; none before training. */
  readonly predicted?: Uint8Array;
  /** What disparities are conditioned on, where it is stated. */
  readonly group?: readonly string[] | undefined;
  /** Tells which rows are alike, where the features are columns. */
  readonly neighbours?: Neighbours | undefined;
}

/** Null where a measure divides by nothing. */
export type Measures = Readonly<Record<string, number | null>>;

interface Group {
  readonly rows: number;
  /** Favorable ones of them. */
  readonly observed: number;
  readonly predicted: number;
  readonly truePositives: number;
  readonly trueNegatives: number;
}

/** Of the labels: CI, DPL, KL, JS, LP, TVD, KS, and CDDL where a group is stated. */
export function labelMeasures(rows: FairnessRows): Measures {
  const [a, d] = [groupOf(rows, 0), groupOf(rows, 1)];
  const [qa, qd] = [a.observed / a.rows, d.observed / d.rows];
  const [pa, pd] = [
    [1 - qa, qa],
    [1 - qd, qd],
  ];
  const mean = pa.map((p, i) => (p + pd[i]!) / 2);
  const gap = Math.abs(qa - qd);
  return figures({
    CI: (a.rows - d.rows) / (a.rows + d.rows),
    DPL: qa - qd,
    KL: divergence(pa, pd),
    JS: (divergence(pa, mean) + divergence(pd, mean)) / 2,
    LP: Math.SQRT2 * gap,
    TVD: gap,
    KS: gap,
    ...(rows.group === undefined ? {} : { CDDL: conditionalDisparity(rows, rows.observed, rows.group) }),
  });
}

/** Of the predictions: DPPL, DI, DCAcc, DCR, SD, RD, DAR, DRR, AD, TE, GE, CDDPL where a group is stated, and FT where there are columns to compare. */
export function predictionMeasures(rows: FairnessRows & { readonly predicted: Uint8Array }): Measures {
  const [a, d] = [groupOf(rows, 0), groupOf(rows, 1)];
  const difference = (measure: (group: Group) => number): number => measure(a) - measure(d);
  const negatives = ({ rows: n, observed }: Group): number => n - observed;
  const rejected = ({ rows: n, predicted }: Group): number => n - predicted;
  return figures({
    DPPL: difference(({ predicted, rows: n }) => predicted / n),
    DI: d.predicted / d.rows / (a.predicted / a.rows),
    DCAcc: difference(({ observed, predicted }) => observed / predicted),
    DCR: -difference((group) => negatives(group) / rejected(group)),
    SD: -difference((group) => group.trueNegatives / negatives(group)),
    RD: difference(({ truePositives, observed }) => truePositives / observed),
    DAR: difference(({ truePositives, predicted }) => truePositives / predicted),
    DRR: -difference((group) => group.trueNegatives / rejected(group)),
    AD: difference(({ truePositives, trueNegatives, rows: n }) => (truePositives + trueNegatives) / n),
    TE: -difference((group) => (group.observed - group.truePositives) / (negatives(group) - group.trueNegatives)),
    GE: generalizedEntropy(rows),
    ...(rows.group === undefined ? {} : { CDDPL: conditionalDisparity(rows, rows.predicted, rows.group) }),
    ...(rows.neighbours === undefined ? {} : { FT: flipTest(rows.neighbours, rows) }),
  });
}

function groupOf({ isFacet, observed, predicted }: FairnessRows, facet: number): Group {
  const group = { rows: 0, observed: 0, predicted: 0, truePositives: 0, trueNegatives: 0 };
  for (const [row, own] of isFacet.entries()) {
    if (own !== facet) continue;
    const [label, guess] = [observed[row]!, predicted?.[row] ?? 0];
    group.rows++;
    group.observed += label;
    group.predicted += guess;
    group.truePositives += label & guess;
    group.trueNegatives += (1 - label) & (1 - guess);
  }
  return group;
}

/**
 * The mean over the groups, by their rows, of DD_i = the facet's share of the rejected - its share of the accepted; a share of none is 0. NaN where nobody is
 * accepted, or nobody rejected.
 */
function conditionalDisparity({ isFacet }: FairnessRows, isAccepted: Uint8Array, group: readonly string[]): number {
  const count = isAccepted.reduce((sum, own) => sum + own, 0);
  if (count === 0 || count === isAccepted.length) return Number.NaN;
  const groups = Map.groupBy(isAccepted.keys(), (row) => group[row]!);
  let sum = 0;
  for (const members of groups.values()) {
    const [rejected, accepted] = [0, 1].map((outcome) => members.filter((row) => isAccepted[row] === outcome)) as [
      number[],
      number[],
    ];
    const share = (rows: readonly number[]): number =>
      rows.length === 0 ? 0 : rows.filter((row) => isFacet[row] === 1).length / rows.length;
    sum += members.length * (share(rejected) - share(accepted));
  }
  return sum / isAccepted.length;
}

/** GE of order 2 over all rows: 1 / 2n sum of (b_i / mean b)^2 - 1, with the benefit b_i = prediction - label + 1. */
function generalizedEntropy({ observed, predicted }: FairnessRows & { readonly predicted: Uint8Array }): number {
  const benefits = Array.from(observed, (label, i) => predicted[i]! - label + 1);
  const mean = benefits.reduce((sum, benefit) => sum + benefit, 0) / benefits.length;
  return benefits.reduce((sum, benefit) => sum + (benefit / mean) ** 2 - 1, 0) / (2 * benefits.length);
}

/** KL(p || q) = sum p ln(p / q) */
const divergence = (p: readonly number[], q: readonly number[]): number =>
  p.reduce((sum, share, i) => sum + (share === 0 ? 0 : share * Math.log(share / q[i]!)), 0);

const figures = (values: Readonly<Record<string, number>>): Measures =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number.isFinite(value) ? value : null]));
