/** The explained number of a block of rows as part of a graph, and its gradients. */
import { gradients } from '../../autodiff/gradients.ts';
import { NoGradientError, ServiceError } from '../../errors.ts';
import type { Engine, Session } from '../../onnx/engine.ts';
import { modelOf } from '../../onnx/graph-builder.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Value } from '../../onnx/graph.ts';
import { writeModel } from '../../onnx/write-model.ts';
import { sizeOf } from '../../tensor/shape.ts';

/** An input of the graph: the weights of the figures, [1, figures]. */
export const SELECTOR = 'explain/selector';

/** F = sum over the selected figures of selector * figure, of each of the rows. Others may be NaN, as those of masked steps are. */
export function numberOf(g: GraphBuilder, figures: Value, rows: number): Value {
  const size = sizeOf(figures.shape as readonly number[]) / rows;
  const selector = g.input(SELECTOR, figures.dtype, [1, size]);
  const selected = g.where(g.equal(selector, 0), 0, g.mul(g.reshape(figures, [rows, size]), selector));
  return g.reduceSum(selected, { axes: [1] });
}

/** Of the sum over the rows, with respect to each value. @throws unsupported_operator naming the op that has no gradient rule */
export function gradientsOf(g: GraphBuilder, number: Value, wrt: readonly Value[]): Value[] {
  try {
    return gradients(g, g.reduceSum(number), wrt, { isZeroWhereUnreached: true });
  } catch (error) {
    if (!(error instanceof NoGradientError)) throw error;
    const message = `${error.message}: choose kernel_shap or permutation, which need none`;
    throw new ServiceError('unsupported_operator', message, { cause: error, param: '/method' });
  }
}

/** A session of the graph without the inputs that nothing needs. @throws unsupported_operator with ONNX Runtime's words */
export async function sessionOf(engine: Engine, g: GraphBuilder): Promise<Session> {
  const model = modelOf(g);
  const used = new Set(model.graph.nodes.flatMap(({ inputs }) => inputs));
  const inputs = model.graph.inputs.filter(({ name }) => used.has(name));
  return engine.createSession(writeModel({ ...model, graph: { ...model.graph, inputs } })).catch((cause: unknown) => {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : 'unknown';
    const message = `the model's graph cannot be read back for its gradients: ${reason.slice(0, 300)}`;
    throw new ServiceError('unsupported_operator', message, { cause, param: '/method' });
  });
}
