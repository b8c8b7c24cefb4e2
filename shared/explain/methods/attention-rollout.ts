/**
 * Attention rollout: how much of each step reaches the output through the attention of all layers, heads averaged and every layer's residual connection
 * counted as half. It reads weights, not effects: it adds up to nothing and knows no target.
 * Source: S. Abnar, W. Zuidema, "Quantifying Attention Flow in Transformers" (2020).
 */
import { sizeOf } from '../../tensor/shape.ts';
import { toNumbers } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import { select } from '../aim.ts';
import type { Method } from '../contract.ts';
import { neededNodes } from '../graph/typed-nodes.ts';
import { playersOf } from '../players.ts';
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
  passes: () => 1,
  async explain(subject, { row, aim }) {
    const names = attentionWeights(subject);
    const session = await subject.sessionFor([...names, subject.figures]);
    const results = await session.run(Object.fromEntries(session.inputs.map((name) => [name, row[name]!])));
    subject.passes++;
    const steps = results[names[0]!]!.shape.at(-1)!;
    const flow = rollOut(
      names.map((name) => meanOfHeads(toNumbers(results[name]!), steps)),
      steps,
    );
    const [[name, value]] = Object.entries(row) as [[string, HostTensor]];
    const isText = subject.schema.features[0]!.type === 'text';
    const read = isText ? playersOf(subject.schema, row).length : steps;
    // A language model decides by its last token, other networks by all of their steps.
    const relevance = meanRows(flow, steps, subject.schema.language === undefined ? [0, read] : [read - 1, read]);
    const size = isText ? 1 : sizeOf(value.shape.slice(1)) / steps;
    const attributions = Float64Array.from(
      { length: read * size },
      (_, at) => relevance[Math.floor(at / size)]! / size,
    );
    return {
      attributions: { [name]: attributions },
      output: select(figuresIn(results[subject.figures]!), aim.weights),
    };
  },
};

const figuresIn = (value: HostTensor): Float64Array => Float64Array.from(toNumbers(value));

/** The softmaxes that weigh values, from the first layer to the last: [rows, heads, steps, steps]. */
function attentionWeights({ graph, figures }: Subject): string[] {
  const nodes = neededNodes(graph, [figures]);
  const weighed = new Set(nodes.flatMap(({ opType, inputs }) => (opType === 'MatMul' ? [inputs[0]!] : [])));
  return nodes.flatMap(({ opType, outputs }) =>
    opType === 'Softmax' && weighed.has(outputs[0]!) ? [outputs[0]!] : [],
  );
}

function meanOfHeads(weights: readonly number[], steps: number): Float64Array {
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

/** What some steps of the last layer, together, have of each step of the input. */
function meanRows(flow: Float64Array, steps: number, [begin, end]: readonly [number, number]): Float64Array {
  const mean = new Float64Array(steps);
  for (let i = begin; i < end; i++) for (let j = 0; j < steps; j++) mean[j]! += flow[i * steps + j]! / (end - begin);
  return mean;
}
