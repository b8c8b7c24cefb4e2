/**
 * Attention rollout: how much of each step reaches the output through the attention of all layers, heads averaged and every layer's residual connection
 * counted as half. It reads weights, not effects: it adds up to nothing and knows no target.
 * Source: S. Abnar, W. Zuidema, "Quantifying Attention Flow in Transformers" (2020).
 */
import type { FeatureSchema } from '../../runtime/model-schema.ts';
import { sizeOf } from '../../tensor/shape.ts';
import type { Explanation, Method } from '../contract.ts';
import { neededNodes } from '../graph/read-graph.ts';
import { rowAt } from '../rows.ts';
import { select } from '../subject.ts';
import type { Subject } from '../subject.ts';

export const attentionRollout: Method = {
  name: 'attention_rollout',
  isAdditive: false,
  needs: 'nothing',
  refusal(subject) {
    const [feature, ...others] = subject.schema.features;
    const takesSteps = others.length === 0 && (feature?.type === 'text' || feature?.type === 'tensor');
    if (takesSteps && attentionWeights(subject).length > 0) return undefined;
    return 'it follows the attention of a transformer over one sequence, and this model has none: use integrated_gradients or kernel_shap';
  },
  passes: (subject) => 1 + attentionWeights(subject).length,
  async explain(subject, { feeds, rows, selectors }) {
    const feature = subject.schema.features[0]!;
    const steps = stepsOf(feature);
    const explanations: Explanation[] = [];
    for (let i = 0; i < rows; i++) {
      const row = rowAt(feeds, i);
      const layers: Float64Array[] = [];
      for (const name of attentionWeights(subject))
        layers.push(meanOfHeads((await subject.values(row, name))[0]!, steps));
      const relevance = meanRow(rollOut(layers, steps), steps);
      const size = sizeOf(feature.shape ?? [steps]) / steps;
      explanations.push({
        attributions: {
          [feature.name]: Float64Array.from(
            { length: steps * size },
            (_, at) => relevance[Math.floor(at / size)]! / size,
          ),
        },
        output: select((await subject.run(row))[0]!, selectors[i]!),
      });
    }
    return explanations;
  },
};

const stepsOf = ({ length, shape }: FeatureSchema): number => length ?? shape?.[0] ?? 1;

/** The softmaxes that weigh values, from the first layer to the last: [rows, heads, steps, steps]. */
function attentionWeights({ graph, figures }: Subject): string[] {
  const nodes = neededNodes(graph, [figures]);
  const weighed = new Set(nodes.flatMap(({ opType, inputs }) => (opType === 'MatMul' ? [inputs[0]!] : [])));
  return nodes.flatMap(({ opType, outputs }) =>
    opType === 'Softmax' && weighed.has(outputs[0]!) ? [outputs[0]!] : [],
  );
}

function meanOfHeads(weights: Float64Array, steps: number): Float64Array {
  const heads = weights.length / (steps * steps);
  const mean = new Float64Array(steps * steps);
  for (const [at, weight] of weights.entries()) mean[at % mean.length]! += weight / heads;
  return mean;
}

/** The product of (A + I) / 2 over the layers. */
function rollOut(layers: readonly Float64Array[], steps: number): Float64Array {
  const identity = Float64Array.from({ length: steps * steps }, (_, at) => Number(at % (steps + 1) === 0));
  return layers.reduce((flow, layer) => {
    const next = new Float64Array(steps * steps);
    for (let i = 0; i < steps; i++)
      for (let k = 0; k < steps; k++) {
        const weight = (layer[i * steps + k]! + Number(i === k)) / 2;
        for (let j = 0; weight !== 0 && j < steps; j++) next[i * steps + j]! += weight * flow[k * steps + j]!;
      }
    return next;
  }, identity);
}

/** What the steps of the last layer, together, have of each step of the input. */
function meanRow(flow: Float64Array, steps: number): Float64Array {
  const mean = new Float64Array(steps);
  for (const [at, value] of flow.entries()) mean[at % steps]! += value / steps;
  return mean;
}
