/** Convolution, pooling and enlargement over any number of spatial axes, in float64, by the definition. */
import { at, generate, indices, listOf, nd, numberOf, offset, size } from './nd.ts';
import type { AttributeValue, Nd, Ops } from './nd.ts';

type Attributes = Readonly<Record<string, AttributeValue>>;

interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

function windowOf(attributes: Attributes, kernel: readonly number[]): Window {
  const ones = kernel.map(() => 1);
  return {
    kernel,
    strides: listOf(attributes['strides'], ones),
    dilations: listOf(attributes['dilations'], ones),
    pads: listOf(
      attributes['pads'],
      [...kernel, ...kernel].map(() => 0),
    ),
  };
}

const outputDims = (spatial: readonly number[], { kernel, strides, dilations, pads }: Window): number[] =>
  spatial.map(
    (dim, i) =>
      Math.floor((dim + pads[i]! + pads[i + kernel.length]! - (kernel[i]! - 1) * dilations[i]! - 1) / strides[i]!) + 1,
  );

/** Where the kernel's element k lies in the input for the output position. */
const source = ({ strides, dilations, pads }: Window, position: readonly number[], k: readonly number[]): number[] =>
  position.map((p, i) => p * strides[i]! - pads[i]! + k[i]! * dilations[i]!);

const inside = (place: readonly number[], spatial: readonly number[]): boolean =>
  place.every((p, i) => p >= 0 && p < spatial[i]!);

function conv([x, w, bias]: readonly Nd[], attributes: Attributes): Nd[] {
  const window = windowOf(attributes, w!.shape.slice(2));
  const spatial = x!.shape.slice(2);
  const [filters, perGroup] = [w!.shape[0]!, w!.shape[1]!];
  const filtersPerGroup = filters / numberOf(attributes['group'], 1);
  return [
    generate([x!.shape[0]!, filters, ...outputDims(spatial, window)], ([b, f, ...position]) => {
      let total = bias?.data[f!] ?? 0;
      const firstChannel = Math.floor(f! / filtersPerGroup) * perGroup;
      for (const k of indices(window.kernel)) {
        const place = source(window, position, k);
        if (!inside(place, spatial)) continue;
        for (let c = 0; c < perGroup; c++) total += at(x!, [b!, firstChannel + c, ...place]) * at(w!, [f!, c, ...k]);
      }
      return total;
    }),
  ];
}

function convTranspose([x, w, bias]: readonly Nd[], attributes: Attributes): Nd[] {
  const window = windowOf(attributes, w!.shape.slice(2));
  const { kernel, strides, dilations, pads } = window;
  const extra = listOf(
    attributes['output_padding'],
    kernel.map(() => 0),
  );
  const spatial = x!.shape
    .slice(2)
    .map(
      (dim, i) =>
        strides[i]! * (dim - 1) +
        extra[i]! +
        (kernel[i]! - 1) * dilations[i]! +
        1 -
        pads[i]! -
        pads[i + kernel.length]!,
    );
  const group = numberOf(attributes['group'], 1);
  const [channelsPerGroup, filtersPerGroup] = [x!.shape[1]! / group, w!.shape[1]!];
  const y = generate([x!.shape[0]!, filtersPerGroup * group, ...spatial], ([, f]) => bias?.data[f!] ?? 0);
  for (const [b, c, ...position] of indices(x!.shape)) {
    for (const [f, ...k] of indices([filtersPerGroup, ...kernel])) {
      const place = source(window, position, k);
      if (!inside(place, spatial)) continue;
      const filter = Math.floor(c! / channelsPerGroup) * filtersPerGroup + f!;
      y.data[offset(y.shape, [b!, filter, ...place])]! += at(x!, [b!, c!, ...position]) * at(w!, [c!, f!, ...k]);
    }
  }
  return [y];
}

function pool(x: Nd, attributes: Attributes, f: (values: number[], elements: number) => number): Nd[] {
  const window = windowOf(attributes, listOf(attributes['kernel_shape'], []));
  const spatial = x.shape.slice(2);
  return [
    generate([...x.shape.slice(0, 2), ...outputDims(spatial, window)], ([b, c, ...position]) => {
      const places = [...indices(window.kernel)]
        .map((k) => source(window, position, k))
        .filter((place) => inside(place, spatial));
      return f(
        places.map((place) => at(x, [b!, c!, ...place])),
        size(window.kernel),
      );
    }),
  ];
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

const globally = (x: Nd, f: (values: number[]) => number): Nd[] => {
  const area = size(x.shape.slice(2));
  const values = Array.from({ length: x.shape[0]! * x.shape[1]! }, (_, i) =>
    f([...x.data.subarray(i * area, (i + 1) * area)]),
  );
  return [
    nd(
      x.shape.map((dim, i) => (i < 2 ? dim : 1)),
      values,
    ),
  ];
};

export const windows: Ops = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: ([x], attributes) => pool(x!, attributes, (values) => Math.max(...values)),
  AveragePool: ([x], attributes) =>
    pool(
      x!,
      attributes,
      (values, elements) => sum(values) / (attributes['count_include_pad'] === 1 ? elements : values.length),
    ),
  GlobalAveragePool: ([x]) => globally(x!, (values) => sum(values) / values.length),
  GlobalMaxPool: ([x]) => globally(x!, (values) => Math.max(...values)),
  Resize: ([x, , scales]) => [
    generate(
      x!.shape.map((dim, i) => Math.floor(dim * scales!.data[i]!)),
      (index) =>
        at(
          x!,
          index.map((k, i) => Math.floor(k / scales!.data[i]!)),
        ),
    ),
  ],
};
