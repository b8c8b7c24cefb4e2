/**
 * Integrated gradients: IG_i = (x_i - x'_i) times the mean of dF/dx_i along the straight line from the baseline x' to x, by the midpoint rule. Its steps
 * are doubled until the attributions add up to F(x) - F(x') within 1 % of the range that F has along the line, or the time is over.
 * Source: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks" (2017).
 */
import { sizeOf } from '../../tensor/shape.ts';
import { toNumbers } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import { completenessOf } from '../completeness.ts';
import type { Explanation, Method, Question } from '../contract.ts';
import type { Attributions, Feeds } from '../terms.ts';
import { GradientSession, NUMBER, gradientOf } from '../graph/gradient-session.ts';
import { rowAt } from '../rows.ts';
import { select } from '../subject.ts';
import type { Subject } from '../subject.ts';

const DEFAULT_STEPS = 64;
const MAX_STEPS = 4096;
/** Points of the line in one run. */
const BLOCK_ROWS = 32;
/** Of the range of F along the line. */
const TOLERANCE = 0.01;

export const integratedGradients: Method = {
  name: 'integrated_gradients',
  isAdditive: true,
  needs: 'baseline',
  refusal({ schema }) {
    return schema.family === 'kmeans'
      ? 'a distance to the nearest centre has no gradient where the centre changes: use exact_shap'
      : undefined;
  },
  passes: (_, { steps = DEFAULT_STEPS }) => steps + 2,
  async explain(subject, question) {
    const path = await preparePath(subject, question.feeds);
    const explanations: Explanation[] = [];
    for (let i = 0; i < question.rows; i++) explanations.push(await explainRow(subject, path, question, i));
    return explanations;
  },
};

const paths = new WeakMap<Subject, Promise<GradientSession>>();

/** The gradient session of a model, made at its first explanation. */
function preparePath(subject: Subject, feeds: Feeds): Promise<GradientSession> {
  const known = paths.get(subject);
  if (known !== undefined) return known;
  const path = GradientSession.open(subject, { key: 'integrated_gradients', feeds, rows: BLOCK_ROWS });
  paths.set(subject, path);
  path.catch(() => paths.delete(subject));
  return path;
}

/** A frontier value at both ends of the line. */
interface Span {
  readonly feature: string;
  readonly value: string;
  readonly isHeld: boolean;
  readonly from: Float64Array;
  readonly to: Float64Array;
}

async function explainRow(
  subject: Subject,
  path: GradientSession,
  question: Question,
  i: number,
): Promise<Explanation> {
  const { baseline, deadlineMs, steps: asked = DEFAULT_STEPS } = question;
  const row = rowAt(question.feeds, i);
  const selector = question.selectors[i]!;
  const start = baseline!.feeds;
  const spans = await spansOf(subject, path, { row, start });
  const output = await numberOf(subject, row, selector);
  const baseValue = spans.some(({ isHeld }) => isHeld)
    ? await numberAtStart(path, spans, selector)
    : await numberOf(subject, start, selector);
  for (let steps = asked; ; steps *= 2) {
    const startedMs = performance.now();
    const line = await integrate(subject, path, { spans, selector, steps });
    const attributions = attributionsOf(subject, spans, line.gradients);
    const range = Math.max(output, baseValue, line.highest) - Math.min(output, baseValue, line.lowest);
    const completeness = completenessOf(attributions, { output, baseValue, tolerance: TOLERANCE * range });
    // The next round takes twice as long as this one did.
    const isOver = performance.now() + 2 * (performance.now() - startedMs) > deadlineMs;
    if (!completeness.passed && !isOver && steps * 2 <= MAX_STEPS) continue;
    const why = isOver ? 'the time was over' : `${MAX_STEPS} are the most`;
    return {
      attributions,
      output,
      baseValue,
      completeness,
      baseline: baseline!.name,
      steps,
      ...(completeness.passed
        ? {}
        : { note: `the attributions do not add up within the tolerance at ${steps} steps: ${why}` }),
    };
  }
}

async function numberOf(subject: Subject, feeds: Feeds, selector: Float64Array): Promise<number> {
  return select((await subject.run(feeds))[0]!, selector);
}

/** F where the line begins: what is held there too is not the baseline's. */
async function numberAtStart(path: GradientSession, spans: readonly Span[], selector: Float64Array): Promise<number> {
  const results = await path.run(pointFeeds(path, spans, new Float64Array(BLOCK_ROWS)), selector);
  return toNumbers(results[NUMBER]!)[0]!;
}

async function spansOf(
  subject: Subject,
  { frontier }: GradientSession,
  { row, start }: { row: Feeds; start: Feeds },
): Promise<Span[]> {
  const spans: Span[] = [];
  for (const [feature, values] of Object.entries(frontier.values)) {
    for (const value of values) {
      const isInput = value === feature;
      const at = async (feeds: Feeds): Promise<Float64Array> =>
        isInput ? Float64Array.from(toNumbers(feeds[feature]!)) : (await subject.values(feeds, value))[0]!;
      const isHeld = frontier.held.has(value);
      const to = await at(row);
      spans.push({ feature, value, isHeld, to, from: isHeld ? to : await at(start) });
    }
  }
  return spans;
}

interface Line {
  /** The mean gradient of each span. */
  readonly gradients: readonly Float64Array[];
  readonly lowest: number;
  readonly highest: number;
}

/** The mean gradients at the midpoints of equal steps. */
async function integrate(
  subject: Subject,
  path: GradientSession,
  { spans, selector, steps }: { spans: readonly Span[]; selector: Float64Array; steps: number },
): Promise<Line> {
  const sums = spans.map(({ to }) => new Float64Array(to.length));
  let [lowest, highest] = [Infinity, -Infinity];
  for (let begin = 0; begin < steps; begin += BLOCK_ROWS) {
    const count = Math.min(BLOCK_ROWS, steps - begin);
    const alphas = Float64Array.from({ length: BLOCK_ROWS }, (_, k) => (begin + Math.min(k, count - 1) + 0.5) / steps);
    const results = await path.run(pointFeeds(path, spans, alphas), selector);
    subject.passes += count;
    for (const value of toNumbers(results[NUMBER]!).slice(0, count)) {
      lowest = Math.min(lowest, value);
      highest = Math.max(highest, value);
    }
    for (const [s, { value }] of spans.entries()) {
      const gradient = results[gradientOf(value)]!.data as Float64Array;
      const sum = sums[s]!;
      for (let k = 0; k < count; k++)
        for (let at = 0; at < sum.length; at++) sum[at]! += gradient[k * sum.length + at]! / steps;
    }
  }
  return { gradients: sums, lowest, highest };
}

/** The points of the line at each alpha. */
function pointFeeds(path: GradientSession, spans: readonly Span[], alphas: Float64Array): Feeds {
  const feeds: Record<string, HostTensor> = {};
  for (const { value, from, to } of spans) {
    const points = new Float64Array(alphas.length * to.length);
    for (const [k, alpha] of alphas.entries())
      for (let at = 0; at < to.length; at++) points[k * to.length + at] = from[at]! + alpha * (to[at]! - from[at]!);
    feeds[value] = path.feed(value, points);
  }
  return feeds;
}

/** (x - x') times the mean gradient; what stands for an element or a token sums up to it. */
function attributionsOf({ schema }: Subject, spans: readonly Span[], gradients: readonly Float64Array[]): Attributions {
  const result = Object.fromEntries(
    schema.features.map(({ name, length = 1, shape = [length] }) => [name, new Float64Array(sizeOf(shape))]),
  );
  for (const [s, { feature, from, to }] of spans.entries()) {
    const own = result[feature]!;
    const depth = Math.max(1, to.length / own.length);
    for (let at = 0; at < to.length; at++) own[Math.floor(at / depth)]! += (to[at]! - from[at]!) * gradients[s]![at]!;
  }
  return result;
}
