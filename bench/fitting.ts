/** Cases that time a whole fit of a family, and the rows they fit. */
import { modelOf } from '../shared/families/contract.ts';
import type { AnyFamily, FitState, Problem, Task } from '../shared/families/contract.ts';
import { Evaluator } from '../shared/families/evaluation.ts';
import type { Target } from '../shared/data/target.ts';
import type { FeatureDType } from '../shared/data/feature-matrix.ts';
import type { Engine } from '../shared/onnx/engine.ts';
import { Random } from '../shared/tensor/random.ts';
import { rowsOf, tensor } from '../shared/tensor/tensor.ts';
import type { HostTensor } from '../shared/tensor/tensor.ts';
import type { Arrays, Contender } from './contract.ts';

/** The classes 0 to n - 1 of rows labelled so. */
export function classesOf(labels: HostTensor): Target {
  const values = labels.data as Int32Array;
  return { kind: 'classes', labels: [...new Set(values)].toSorted((a, b) => a - b), values };
}

export function problemOf(
  family: AnyFamily,
  given: { task: Task; params: Record<string, unknown>; x: HostTensor; target: Target },
): Problem<unknown> {
  const { task, params, x, target } = given;
  return {
    task,
    params: family.params.parse(params),
    seed: 0,
    train: { x: x as HostTensor<'float32' | 'float64'>, target },
  };
}

export async function fitToEnd(family: AnyFamily, problem: Problem<unknown>, engine: Engine): Promise<FitState> {
  const state = family.start(problem);
  const progress = family.fit(problem, state, engine);
  while ((await progress.next()).done !== true);
  return state;
}

/** A whole fit, from rows to what is learned. */
export function fitting(
  family: AnyFamily,
  problem: Problem<unknown>,
  {
    engine,
    solution,
  }: { engine: Engine; solution: (state: FitState) => Promise<ArrayLike<number>> | ArrayLike<number> },
): Contender {
  return {
    run: () => fitToEnd(family, problem, engine),
    solution: async () => solution(await fitToEnd(family, problem, engine)),
  };
}

/** What a fitted model gives for the first rows, of the named output. */
export async function outputsOf(
  family: AnyFamily,
  problem: Problem<unknown>,
  { state, engine, output, rows }: { state: FitState; engine: Engine; output: 'scores' | 'prediction'; rows: number },
): Promise<Float64Array> {
  const model = modelOf(problem);
  const learned = family.learned(state, model);
  const evaluator = await Evaluator.open(engine, family, model, { x: problem.train.x, learned });
  const outputs = await evaluator.run(rowsOf<FeatureDType>(problem.train.x, 0, rows), learned);
  await evaluator.release();
  return outputs[output]!;
}

/** Normal features, and a plane through the first twelve of them. */
export function normalRows(rows: number, width: number): { x: HostTensor<'float64'>; plane: Float64Array } {
  const random = Random.fromSeed(1);
  const x = Float64Array.from(random.normal(rows * width));
  const weights = random.normal(12);
  const plane = Float64Array.from({ length: rows }, (_, row) =>
    weights.reduce((sum, weight, j) => sum + weight * x[row * width + j]!, 0),
  );
  return { x: tensor('float64', [rows, width], x), plane };
}

export const noise = (count: number): Float32Array => Random.fromSeed(2).normal(count);

/** Labels 0 and 1 by the sign. */
export const signsOf = (values: Float64Array): HostTensor<'int32'> =>
  tensor(
    'int32',
    [values.length],
    Int32Array.from(values, (value) => Number(value > 0)),
  );

/** Rows `x` and labels `y` of scikit-learn's digits: 1,797 of 64 values. */
export async function digitRows(): Promise<Arrays> {
  const { digits } = await import('../test/fixtures/data-sets.ts');
  const { rows, columns } = await digits();
  const x = new Float64Array(rows * 64);
  columns.slice(0, 64).forEach(({ values }, j) => {
    for (let row = 0; row < rows; row++) x[row * 64 + j] = Number(values[row]);
  });
  const y = Int32Array.from(columns[64]!.values as Float64Array);
  return { x: tensor('float64', [rows, 64], x), y: tensor('int32', [rows], y) };
}
