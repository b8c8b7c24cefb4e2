/**
 * Grad-CAM: where in an image the last convolution saw what speaks for the target. The channels of its map are weighted by the mean gradient of the output
 * with respect to them, summed, and what speaks against is left out. A map of places, not of contributions: it adds up to nothing.
 * Source: R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization" (2017).
 */
import type { NodeDef } from '../../onnx/model.ts';
import { sizeOf } from '../../tensor/shape.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import type { Explanation, Method } from '../contract.ts';
import { GradientSession, gradientOf, valueOf } from '../graph/gradient-session.ts';
import { neededNodes } from '../graph/read-graph.ts';
import { rowAt } from '../rows.ts';
import { select } from '../subject.ts';
import type { Subject } from '../subject.ts';

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
  passes: () => 3,
  async explain(subject, { feeds, rows, selectors }) {
    const map = lastMap(subject)!;
    const session = await GradientSession.open(subject, {
      key: 'grad_cam',
      feeds,
      rows: 1,
      wrt: [map],
      keepsValues: true,
    });
    const { name, shape = [] } = subject.schema.features[0]!;
    const explanations: Explanation[] = [];
    for (let i = 0; i < rows; i++) {
      const row = rowAt(feeds, i);
      const results = await session.run(row, selectors[i]!);
      subject.passes++;
      const cam = activationMap(results[valueOf(map)]!, results[gradientOf(map)]!);
      explanations.push({
        attributions: { [name]: enlarge(cam, shape) },
        output: select((await subject.run(row))[0]!, selectors[i]!),
      });
    }
    return explanations;
  },
};

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

/** The map at the size of the image, interpolated between the centres of its places; the same for every channel of the image. */
function enlarge(
  { height, width, values }: PlaneMap,
  [rows = 1, columns = 1, ...rest]: readonly number[],
): Float64Array {
  const depth = sizeOf(rest);
  const result = new Float64Array(rows * columns * depth);
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
      result.fill(
        along(top) * (1 - down) + along(bottom) * down,
        (i * columns + j) * depth,
        (i * columns + j + 1) * depth,
      );
    }
  }
  return result;
}
