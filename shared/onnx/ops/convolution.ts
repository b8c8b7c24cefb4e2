/** Convolutions over any number of spatial axes. x is [batch, channels, ...spatial], w is [filters, channels / group, ...kernel]. */
import { dimsFit } from '../../tensor/shape.ts';
import type { Dim } from '../../tensor/shape.ts';
import type { Graph, Value } from '../graph.ts';
import { windowAttributes, windowGeometry, windowedDims } from '../window.ts';
import type { WindowOptions } from '../window.ts';

export interface ConvOptions extends Omit<WindowOptions, 'kernel'> {
  readonly bias?: Value;
  readonly group?: number;
}

export interface ConvTransposeOptions extends ConvOptions {
  /** Sizes added at the end of each spatial axis. */
  readonly outputPadding?: readonly number[];
}

export const convolution = {
  conv: (g: Graph, x: Value, w: Value, options: ConvOptions = {}) => conv(g, x, w, options),
  /** The transpose of `conv` as a linear map of x; w is [channels of x, filters / group, ...kernel]. */
  convTranspose: (g: Graph, x: Value, w: Value, options: ConvTransposeOptions = {}) => convTranspose(g, x, w, options),
};

function conv(g: Graph, x: Value, w: Value, { bias, group = 1, ...window }: ConvOptions): Value {
  const inputs = bias ? [x, w, bias] : [x, w];
  const { kernel, filters } = checkOperands(g, 'Conv', inputs);
  const channels = w.shape[1] as number;
  if (!dimsFit(x.shape[1]!, channels * group)) {
    throw g.mismatch(
      'Conv',
      `x [batch, ${channels * group}, ...] for w [${w.shape.join(', ')}]${group > 1 ? ` in ${group} groups` : ''}`,
      inputs,
    );
  }
  const geometry = windowGeometry({ ...window, kernel }, x.shape.slice(2));
  const spatial = windowedDims(g, 'Conv', { x, geometry });
  const attributes = { ...windowAttributes(geometry), group };
  return g.emit('Conv', inputs, { dtype: x.dtype, shape: [x.shape[0]!, filters, ...spatial] }, attributes);
}

function convTranspose(
  g: Graph,
  x: Value,
  w: Value,
  { bias, group = 1, outputPadding, ...window }: ConvTransposeOptions,
): Value {
  const inputs = bias ? [x, w, bias] : [x, w];
  const { kernel } = checkOperands(g, 'ConvTranspose', inputs);
  if (!dimsFit(x.shape[1]!, w.shape[0]!)) throw g.mismatch('ConvTranspose', `x [batch, ${w.shape[0]}, ...]`, inputs);
  const geometry = windowGeometry({ ...window, kernel }, x.shape.slice(2));
  const extra = outputPadding ?? kernel.map(() => 0);
  const spatial = x.shape.slice(2).map((dim, i): Dim => {
    if (typeof dim !== 'number') return dim;
    const { strides, dilations, begin, end } = geometry;
    return strides[i]! * (dim - 1) + extra[i]! + (kernel[i]! - 1) * dilations[i]! + 1 - begin[i]! - end[i]!;
  });
  const shape = [x.shape[0]!, (w.shape[1] as number) * group, ...spatial];
  return g.emit(
    'ConvTranspose',
    inputs,
    { dtype: x.dtype, shape },
    { ...windowAttributes(geometry), group, output_padding: extra },
  );
}

/** Ranks and element types that fit; the kernel's static sizes. */
function checkOperands(g: Graph, op: string, inputs: readonly Value[]): { kernel: readonly number[]; filters: number } {
  const [x, w] = inputs as [Value, Value];
  const [filters, ...rest] = w.shape;
  const fits =
    x.shape.length >= 3 && x.shape.length === w.shape.length && inputs.every((value) => value.dtype === x.dtype);
  if (!fits || typeof filters !== 'number' || !rest.every((dim) => typeof dim === 'number')) {
    throw g.mismatch(op, 'x [batch, channels, ...spatial] and a static w of the same rank and element type', inputs);
  }
  return { kernel: rest.slice(1), filters };
}
