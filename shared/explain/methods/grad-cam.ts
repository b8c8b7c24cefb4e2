/**
 * Grad-CAM: where in an image the last convolution saw what speaks for the target. The channels of its map are weighted by the mean gradient of the output
 * with respect to them, summed, and what speaks against is left out. A map of places, not of contributions: it adds up to nothing.
 * Source: R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization" (2017).
 */
import type { Session } from '../../onnx/engine.ts';
import { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Value } from '../../onnx/graph.ts';
import type { NodeDef } from '../../onnx/model.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { fromNumbers, toNumbers } from '../../tensor/tensor.ts';
import type { HostTensor, NumericDType } from '../../tensor/tensor.ts';
import type { Method } from '../contract.ts';
import { SELECTOR, gradientsOf, numberOf, sessionOf } from '../graph/gradient-graph.ts';
import { readGraph } from '../graph/read-graph.ts';
import { neededNodes, typedNodes } from '../graph/typed-nodes.ts';
import { planeOf } from '../plane.ts';
import type { Plane } from '../plane.ts';
import type { Subject } from '../subject.ts';
import type { Feeds } from '../terms.ts';

/** Applied to a convolution element by element. */
const POINTWISE: ReadonlySet<string> = new Set([
  'Relu',
  'LeakyRelu',
  'Elu',
  'Gelu',
  'Tanh',
  'Sigmoid',
  'BatchNormalization',
]);

export const gradCam: Method = {
  name: 'grad_cam',
  isAdditive: false,
  needs: 'nothing',
  refusal(subject) {
    const [feature] = subject.schema.features;
    if (lastMap(subject) !== undefined && feature?.type === 'tensor' && (feature.shape?.length ?? 0) >= 2)
      return undefined;
    return 'it explains images by the last convolution of a network, and this model has none: use integrated_gradients or kernel_shap';
  },
  passes: () => 2,
  async explain(subject, { row, aim }) {
    const map = lastMap(subject)!;
    const session = await subject.keep(`grad_cam ${JSON.stringify(shapesOf(row))}`, () => open(subject, map, row));
    const selector = fromNumbers(session.dtype, aim.weights, [1, aim.weights.length]);
    const inputs = Object.entries({ ...row, [SELECTOR]: selector }).filter(([name]) => session.inputs.includes(name));
    const results = await session.run(Object.fromEntries(inputs));
    subject.passes++;
    const cam = activationMap(results[ACTIVATION]!, results[GRADIENT]!);
    const [name, { shape }] = Object.entries(row)[0]!;
    const size = shape.slice(1);
    const plane = planeOf(subject.schema, size);
    const heat = enlarge(cam, plane);
    const attributions = Float64Array.from({ length: sizeOf(size) }, (_, at) => {
      const [i, j] = plane.placeOf(at);
      return heat[i * plane.width + j]!;
    });
    return { attributions: { [name]: attributions }, output: toNumbers(results[NUMBER]!)[0]! };
  },
};

const [ACTIVATION, GRADIENT, NUMBER] = ['explain/activation', 'explain/gradient', 'explain/number'];

const shapesOf = (row: Feeds): (readonly number[])[] => Object.values(row).map(({ shape }) => shape);

/** The map of one row, the gradient of the explained number with respect to it, and the number. */
async function open(subject: Subject, map: string, row: Feeds): Promise<Session & { readonly dtype: NumericDType }> {
  const { model, engine, figures } = subject;
  const typed = await typedNodes(model, [figures], { feeds: row, engine });
  const g = new GraphBuilder('grad_cam');
  const inputs = Object.entries(row).map(([name, { dtype, shape }]) => [name, g.input(name, dtype, shape)] as const);
  const valueOf = readGraph(g, typed, new Map(inputs));
  const number = numberOf(g, valueOf(figures), 1);
  const [gradient] = gradientsOf(g, number, [valueOf(map)]) as [Value];
  g.output(valueOf(map), ACTIVATION);
  g.output(gradient, GRADIENT);
  g.output(number, NUMBER);
  const session = await sessionOf(engine, g);
  return Object.assign(session, { dtype: number.dtype as NumericDType });
}

/** What the last convolution gives, after its activation. */
function lastMap({ graph, figures }: Subject): string | undefined {
  const nodes = neededNodes(graph, [figures]);
  const last = nodes.findLast(({ opType }) => opType === 'Conv');
  if (last === undefined) return undefined;
  const usersOf = (name: string): NodeDef[] => nodes.filter(({ inputs }) => inputs.includes(name));
  let map = last.outputs[0]!;
  for (let users = usersOf(map); users.length === 1 && POINTWISE.has(users[0]!.opType); users = usersOf(map))
    map = users[0]!.outputs[0]!;
  return map;
}

interface PlaneMap {
  readonly height: number;
  readonly width: number;
  readonly values: Float64Array;
}

/** max(0, sum over channels of mean gradient times activation), of [1, channels, height, width] or [1, channels, width]. */
function activationMap(activation: HostTensor, gradient: HostTensor): PlaneMap {
  const [, channels = 1, ...spatial] = activation.shape;
  const size = sizeOf(spatial);
  const [a, d] = [activation.data as Float32Array, gradient.data as Float32Array];
  const values = new Float64Array(size);
  for (let c = 0; c < channels; c++) {
    let mean = 0;
    for (let at = 0; at < size; at++) mean += d[c * size + at]! / size;
    for (let at = 0; at < size; at++) values[at]! += mean * a[c * size + at]!;
  }
  const [height, width] = spatial.length === 1 ? [spatial[0]!, 1] : (spatial as [number, number]);
  return { height, width, values: values.map((value) => Math.max(0, value)) };
}

/** The map at the size of the image, interpolated between the centres of its places. */
function enlarge({ height, width, values }: PlaneMap, { height: rows, width: columns }: Plane): Float64Array {
  const result = new Float64Array(rows * columns);
  const place = (at: number, size: number, from: number): [number, number, number] => {
    const exact = Math.min(Math.max(((at + 0.5) * from) / size - 0.5, 0), from - 1);
    const low = Math.floor(exact);
    return [low, Math.min(low + 1, from - 1), exact - low];
  };
  for (let i = 0; i < rows; i++) {
    const [top, bottom, down] = place(i, rows, height);
    for (let j = 0; j < columns; j++) {
      const [left, right, across] = place(j, columns, width);
      const along = (row: number): number =>
        values[row * width + left]! * (1 - across) + values[row * width + right]! * across;
      result[i * columns + j] = along(top) * (1 - down) + along(bottom) * down;
    }
  }
  return result;
}
