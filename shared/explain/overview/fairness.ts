/**
 * How a classification treats the rows of a sensitive facet (d) beside all others (a), before training by the labels and after it by the predictions, under the
 * names that Amazon SageMaker Clarify gives the measures. q is the share of favorable labels, q' of favorable predictions.
 * Source: AWS, "Fairness Measures for Machine Learning in Finance" (2020), and the SageMaker developer guide, pre- and post-training bias metrics.
 */

export interface FairnessRows {
  /** 1 where the row belongs to the facet. */
  readonly isFacet: Uint8Array;
  /** 1 where the label is the favorable one. */
  readonly observed: Uint8Array;
  /** Of the predictions; none before training. */
  readonly predicted?: Uint8Array;
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

/** Of the labels: CI, DPL, KL, JS, LP, TVD, KS. */
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
  });
}

/** Of the predictions: DPPL, DI, DCAcc, DCR, SD, RD, DAR, DRR, AD, TE. */
export function predictionMeasures(rows: FairnessRows): Measures {
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

/** KL(p || q) = sum p ln(p / q) */
const divergence = (p: readonly number[], q: readonly number[]): number =>
  p.reduce((sum, share, i) => sum + (share === 0 ? 0 : share * Math.log(share / q[i]!)), 0);

const figures = (values: Readonly<Record<string, number>>): Measures =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number.isFinite(value) ? value : null]));
