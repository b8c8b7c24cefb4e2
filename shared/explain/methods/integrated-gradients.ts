/**
 * Integrated gradients: IG_i = (x_i - x'_i) times the mean of dF/dx_i along the straight line from the baseline x' to x, by the midpoint rule. Its steps
 * are doubled until the attributions add up to F(x) - F(x') within 1 % of the range that F has along the line, or the time is over.
 * Source: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks" (2017).
 */
import { ServiceError } from '../../errors.ts';
import type { ModelSchema } from '../../runtime/model-schema.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { toNumbers } from '../../tensor/tensor.ts';
import { select } from '../aim.ts';
import { completenessOf } from '../completeness.ts';
import type { Explanation, Method, Question } from '../contract.ts';
import type { Frontier } from '../graph/frontier.ts';
import { LineSession } from '../graph/line-session.ts';
import type { Line, Walk, Way } from '../graph/line-session.ts';
import { filledUp } from '../steps.ts';
import type { Subject } from '../subject.ts';
import type { Attributions, Feeds } from '../terms.ts';

const DEFAULT_STEPS = 64;
const MAX_STEPS = 4096;
/** Of the range of F along the line. */
const TOLERANCE = 0.01;
/** Of single floats, where F hardly moves along the line. */
const ROUNDING = 1e-6;

export const integratedGradients: Method = {
  name: 'integrated_gradients',
  isAdditive: true,
  needs: 'baseline',
  refusal({ schema }) {
    return schema.family === 'kmeans'
      ? 'a distance to the nearest centre has no gradient where the centre changes: use kernel_shap'
      : undefined;
  },
  passes: (_, { steps = DEFAULT_STEPS }) => steps + 2,
  async explain(subject, question) {
    const { baseline, deadlineMs, steps: asked = DEFAULT_STEPS } = question;
    const path = await prepare(subject, question);
    const { output, baseValue } = path;
    let answer: Explanation | undefined;
    for (let steps = asked; ; steps *= 2) {
      const startedMs = performance.now();
      const walk = await path.session.walk(path.way, steps, deadlineMs);
      if (walk === undefined && answer === undefined) throw outOfTime(steps);
      if (walk === undefined) return answer!;
      const attributions = attributionsOf(subject.schema, question.row, { ...path, walk });
      const completeness = completenessOf(attributions, { output, baseValue, tolerance: toleranceOf(path, walk) });
      answer = { attributions, output, baseValue, completeness, baseline: baseline!.name, steps };
      if (completeness.passed) return answer;
      const isLast = steps * 2 > MAX_STEPS;
      const why = isLast ? `${MAX_STEPS} are the most` : 'the time was over';
      answer = { ...answer, note: `the attributions do not add up within the tolerance at ${steps} steps: ${why}` };
      // The next round takes twice as long as this one did.
      const isOver = performance.now() + 2 * (performance.now() - startedMs) > deadlineMs;
      if (isLast || isOver || !Number.isFinite(completeness.residual)) return answer;
    }
  },
};

/** 1 % of the range along the line, or the rounding of its figures. */
function toleranceOf({ output, baseValue }: Path, { highest, lowest }: Walk): number {
  const range = Math.max(output, baseValue, highest) - Math.min(output, baseValue, lowest);
  return Math.max(TOLERANCE * range, ROUNDING * Math.max(1, Math.abs(output), Math.abs(baseValue)));
}

function outOfTime(steps: number): ServiceError {
  const message = `max_seconds: ${steps} steps for each instance were not done in time: send fewer instances or fewer "steps"`;
  return new ServiceError('budget_exceeded', message, { param: '/max_seconds' });
}

interface Path {
  readonly session: LineSession;
  readonly line: Line;
  readonly way: Way;
  readonly output: number;
  readonly baseValue: number;
}

async function prepare(subject: Subject, { row, baseline, aim }: Question): Promise<Path> {
  const [end, start] = [row, baseline!.row].map((feeds) => filledUp(subject.schema, feeds)) as [Feeds, Feeds];
  const widest = await LineSession.of(subject, end, 'convex');
  const { held } = widest.frontier;
  const to = await widest.ends(end);
  // What is held says which elements count, and is the row's all along the line.
  const heldEnds = Object.fromEntries(Object.entries(to).filter(([name]) => held.has(name)));
  const from = { ...(await widest.ends(start)), ...heldEnds };
  const figures = (await subject.run(end))[0]!;
  // Steps that fill a sequence up stand at its end.
  const selector = new Float64Array(figures.length);
  selector.set(aim.weights);
  const line = { from, to, selector };
  const straight = await widest.along(line);
  const session = straight === undefined ? await LineSession.of(subject, end, 'affine') : widest;
  const way = straight ?? (await session.along(line))!;
  const output = select(figures, selector);
  const baseValue = held.size > 0 ? await session.start(way) : select((await subject.run(start))[0]!, selector);
  return { session, line, way, output, baseValue };
}

/** (x - x') times the mean gradient, of the row's own elements; what stands for an element or a token sums up to it. */
function attributionsOf(
  { features, language }: ModelSchema,
  row: Feeds,
  { session, line, walk }: { session: { readonly frontier: Frontier }; line: Line; walk: Walk },
): Attributions {
  const result: Record<string, Float64Array> = {};
  for (const { name, type, length = 1 } of features) {
    const isText = type === 'text';
    // A row of a language model holds one token more than it reads.
    const size = isText ? (language?.window ?? length) : sizeOf(row[name]!.shape.slice(1));
    const own = new Float64Array(size);
    for (const value of session.frontier.values[name] ?? []) {
      const means = walk.gradients[value];
      if (means === undefined) continue;
      const [gradient, from, to] = [means, line.from[value]!, line.to[value]!].map(toNumbers) as [
        number[],
        number[],
        number[],
      ];
      // A value that stands for the input itself has its elements, and those that fill it up.
      const depth = value === name ? 1 : Math.max(1, to.length / size);
      const count = Math.min(to.length, size * depth);
      for (let at = 0; at < count; at++) own[Math.floor(at / depth)]! += (to[at]! - from[at]!) * gradient[at]!;
    }
    result[name] = own;
  }
  return result;
}
