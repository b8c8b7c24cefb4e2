/**
 * Every gradient rule against central differences. ONNX Runtime has no float64 kernels for convolution and pooling, so that forward and backward
 * graphs run in the float64 interpreter of `interpreter/`, which shares no code with the rules: for random u and v, u·(f(x + hv) - f(x - hv)) / 2h has to be
 * J'u·v within 1e-6. The same graphs built in float32 then run on ONNX Runtime and have to agree with the interpreter to float32's precision.
 */
import { afterAll, describe, expect, test } from '@jest/globals';

import { NON_DIFFERENTIABLE, RULES } from '../../../shared/autodiff/rules/index.ts';
import { gradients } from '../../../shared/autodiff/gradients.ts';
import { GraphBuilder, OPS, toModel } from '../../../shared/onnx/graph-builder.ts';
import { createSession } from '../../../shared/runtime/session.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { sizeOf } from '../../../shared/tensor/shape.ts';
import { fromNumbers, toNumbers } from '../../../shared/tensor/tensor.ts';
import type { HostTensor } from '../../../shared/tensor/tensor.ts';
import { attentionCases } from './cases/attention.ts';
import { elementwiseCases } from './cases/elementwise.ts';
import { productCases } from './cases/products.ts';
import { recurrenceCases } from './cases/recurrences.ts';
import { scanCases } from './cases/scans.ts';
import { shapeCases } from './cases/shapes.ts';
import { windowCases } from './cases/windows.ts';
import type { GradientCase } from './gradient-case.ts';
import { interpret } from './interpreter/index.ts';
import type { Nd } from './interpreter/index.ts';

const CASES = [
  ...elementwiseCases,
  ...productCases,
  ...windowCases,
  ...shapeCases,
  ...recurrenceCases,
  ...scanCases,
  ...attentionCases,
];

const STEP = 1e-5;
const FLOAT64_TOLERANCE = 1e-6;
const FLOAT32_TOLERANCE = 2e-5;

/** The case's graph with outputs y and the gradient of each input, for a cotangent fed as `u`. */
function gradientModel(
  { shapes, build }: GradientCase,
  dtype: 'float32' | 'float64',
): { bytes: Uint8Array; outputShape: readonly number[] } {
  const g = new GraphBuilder('case');
  const inputs = shapes.map((shape, i) => g.input(`x${i}`, dtype, shape));
  const y = build(g, ...inputs);
  const u = g.input('u', y.dtype, y.shape);
  g.output(y, 'y');
  for (const [i, gradient] of gradients(g, y, inputs, { cotangent: u }).entries()) g.output(gradient, `g${i}`);
  return { bytes: toModel(g), outputShape: y.shape as readonly number[] };
}

function randomArray(random: Random, shape: readonly number[], range?: readonly [number, number]): Nd {
  const values = range ? random.uniform(sizeOf(shape), ...range) : random.normal(sizeOf(shape));
  return { shape, data: Float64Array.from(values) };
}

const dot = (a: Nd, b: Nd): number => a.data.reduce((sum, value, i) => sum + value * b.data[i]!, 0);
const moved = (x: Nd, v: Nd, step: number): Nd => ({
  shape: x.shape,
  data: x.data.map((value, i) => value + step * v.data[i]!),
});

describe.each([...Map.groupBy(CASES, ({ op }) => op)])('gradient of %s', (_op, cases) => {
  test.each(cases.map((entry): [string, GradientCase] => [entry.title, entry]))('%s', async (_title, entry) => {
    const random = Random.fromSeed(7);
    const { bytes, outputShape } = gradientModel(entry, 'float64');
    const evaluate = interpret(bytes);
    const inputs = Object.fromEntries(
      entry.shapes.map((shape, i): [string, Nd] => [`x${i}`, randomArray(random, shape, entry.range)]),
    );
    const u = randomArray(random, outputShape);

    const outputs = evaluate({ ...inputs, u });

    for (const [i, shape] of entry.shapes.entries()) {
      const v = randomArray(random, shape);
      const x = inputs[`x${i}`]!;
      const project = (step: number): number => dot(u, evaluate({ ...inputs, [`x${i}`]: moved(x, v, step), u })['y']!);
      const numeric = (project(STEP) - project(-STEP)) / (2 * STEP);
      const analytic = dot(outputs[`g${i}`]!, v);
      expect(outputs[`g${i}`]!.shape).toEqual(shape);
      expect(Math.abs(analytic - numeric)).toBeLessThanOrEqual(
        FLOAT64_TOLERANCE * Math.max(Math.abs(numeric), Math.abs(analytic), 1e-3),
      );
    }
    await expectOnnxRuntimeAgrees(gradientModel(entry, 'float32').bytes, { ...inputs, u }, outputs);
  });
});

async function expectOnnxRuntimeAgrees(
  bytes: Uint8Array,
  feeds: Record<string, Nd>,
  expected: Record<string, Nd>,
): Promise<void> {
  const session = await createSession(bytes, { threads: 1 });
  const tensors = session.inputs.map((name): [string, HostTensor] => [
    name,
    fromNumbers('float32', feeds[name]!.data, feeds[name]!.shape),
  ]);
  const results = await session.run(Object.fromEntries(tensors));
  await session.release();
  for (const [name, { shape, data }] of Object.entries(expected)) {
    const scale = Math.max(1, ...data.map(Math.abs));
    const distance = toNumbers(results[name]!).map((value, i) => Math.abs(value - data[i]!));
    expect(results[name]!.shape).toEqual(shape);
    expect(Math.max(0, ...distance) / scale).toBeLessThanOrEqual(FLOAT32_TOLERANCE);
  }
}

describe('completeness', () => {
  const OP_TYPES: Readonly<Record<string, string>> = {
    shapeOf: 'Shape',
    resizeNearest: 'Resize',
    fusedMatMul: 'com.microsoft:FusedMatMul',
    stringToFloat: 'Cast',
    labelEncoder: 'ai.onnx.ml:LabelEncoder',
    oneHotEncoder: 'ai.onnx.ml:OneHotEncoder',
  };
  const methods = Object.values(OPS).flatMap((kind) => Object.keys(kind));

  test.each(methods)('the op of GraphBuilder.%s has a rule or is listed as non-differentiable, not both', (method) => {
    const op = OP_TYPES[method] ?? `${method[0]!.toUpperCase()}${method.slice(1)}`;

    expect(Number(op in RULES) + Number(NON_DIFFERENTIABLE.has(op))).toBe(1);
  });

  test.each(Object.keys(RULES))('the rule of %s has cases', (op) => {
    expect(CASES.filter((entry) => entry.op === op).length).toBeGreaterThan(0);
  });
});

afterAll(() => {
  expect(CASES.length).toBeGreaterThan(200);
});
