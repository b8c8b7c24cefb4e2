/**
 * Nodes of any opset from 7 on in the form that this project writes and its gradient rules read: opset 21, every attribute that has a default stated,
 * axes counted from the front, axes and sizes as inputs. Source: https://onnx.ai/onnx/operators/, the "Attributes" and "Differences" of each op.
 */
import { ServiceError } from '../../errors.ts';
import type { Attribute, GraphDef, NodeDef } from '../../onnx/model.ts';
import { windowGeometry } from '../../onnx/window.ts';
import { fromNumbers, scalar } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';

type Attributes = Readonly<Record<string, Attribute<GraphDef>>>;

const CASE_OF_REDUCTION = { keepdims: 1 };

/** Attributes that ONNX lets a file leave out. */
const DEFAULTS: Readonly<Record<string, Attributes>> = {
  Gemm: { alpha: { float: 1 }, beta: { float: 1 }, transA: 0, transB: 0 },
  'com.microsoft:FusedMatMul': { alpha: { float: 1 }, transA: 0, transB: 0 },
  Softmax: { axis: -1 },
  LogSoftmax: { axis: -1 },
  Gather: { axis: 0 },
  GatherElements: { axis: 0 },
  ScatterElements: { axis: 0, reduction: 'none' },
  Split: { axis: 0 },
  Flatten: { axis: 1 },
  LayerNormalization: { axis: -1, epsilon: { float: 1e-5 } },
  BatchNormalization: { epsilon: { float: 1e-5 } },
  LeakyRelu: { alpha: { float: 0.01 } },
  Elu: { alpha: { float: 1 } },
  HardSigmoid: { alpha: { float: 0.2 }, beta: { float: 0.5 } },
  Gelu: { approximate: 'none' },
  Conv: { group: 1 },
  ConvTranspose: { group: 1 },
  AveragePool: { count_include_pad: 0 },
  ReduceSum: CASE_OF_REDUCTION,
  ReduceMean: CASE_OF_REDUCTION,
  ReduceMax: CASE_OF_REDUCTION,
  ReduceMin: CASE_OF_REDUCTION,
  ReduceL1: CASE_OF_REDUCTION,
  ReduceL2: CASE_OF_REDUCTION,
  ReduceSumSquare: CASE_OF_REDUCTION,
  ReduceLogSumExp: CASE_OF_REDUCTION,
  Trilu: { upper: 1 },
  CumSum: { exclusive: 0, reverse: 0 },
  TopK: { axis: -1 },
};

/** Ops with windows: their geometry has more defaults, and may be given by `auto_pad`. */
const WINDOWED: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'MaxPool', 'AveragePool']);

/** Attributes that became inputs, in the order of the inputs after the first. */
const MOVED: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(Object.keys(DEFAULTS).flatMap((op) => (op.startsWith('Reduce') ? [[op, ['axes']]] : []))),
  Slice: ['starts', 'ends', 'axes'],
  Pad: ['pads', 'value'],
  Clip: ['min', 'max'],
  Squeeze: ['axes'],
  Unsqueeze: ['axes'],
  Split: ['split'],
};

/** Ops whose `axis` may count from the end of the first input. */
const AXIS_OPS: ReadonlySet<string> = new Set([
  ...['Softmax', 'LogSoftmax', 'Gather', 'GatherElements', 'ScatterElements', 'Split', 'LayerNormalization', 'TopK'],
  ...['Concat', 'Flatten', 'ArgMax', 'ArgMin'],
]);

export interface FormedNode {
  readonly attributes: Attributes;
  /** Inputs to add, as constants, by their position. */
  readonly added: ReadonlyMap<number, HostTensor>;
}

/** Shapes of a node's inputs; none for one that is left out. */
type Shapes = readonly (readonly number[] | undefined)[];

export function formOf(node: NodeDef, shapes: Shapes): FormedNode {
  const key = node.domain === '' ? node.opType : `${node.domain}:${node.opType}`;
  const rank = shapes[0]?.length ?? 0;
  const moved = MOVED[key] ?? [];
  const added = addedInputs(key, node, { shapes, moved });
  const stated = Object.entries({ ...DEFAULTS[key], ...node.attributes }).filter(([name]) => !moved.includes(name));
  const attributes: Attributes = Object.fromEntries(stated);
  if (WINDOWED.has(key)) return { attributes: windowAttributesOf(node, attributes, shapes), added };
  if (key === 'Transpose' && attributes['perm'] === undefined)
    return { attributes: { perm: Array.from({ length: rank }, (_, axis) => rank - 1 - axis) }, added };
  const { axis } = attributes;
  const isFromEnd = AXIS_OPS.has(key) && typeof axis === 'number' && axis < 0;
  return { attributes: isFromEnd ? { ...attributes, axis: axis + rank } : attributes, added };
}

const ints = (values: readonly number[]): HostTensor => fromNumbers('int64', values);

interface Moving {
  readonly shapes: Shapes;
  /** Attributes of older opsets that are inputs now. */
  readonly moved: readonly string[];
}

function addedInputs(key: string, { inputs, attributes }: NodeDef, { shapes, moved }: Moving): Map<number, HostTensor> {
  const added = new Map<number, HostTensor>();
  for (const [i, name] of moved.entries()) {
    const value = attributes[name];
    if (Array.isArray(value)) added.set(i + 1, ints(value as number[]));
    else if (typeof value === 'object' && 'float' in value) added.set(i + 1, scalar('float32', value.float));
  }
  const isLeftOut = (i: number): boolean => (inputs[i] ?? '') === '' && !added.has(i);
  // All axes are reduced where none are named.
  if (key.startsWith('Reduce') && isLeftOut(1)) added.set(1, firstAxes(shapes[0]?.length));
  if (key !== 'Slice') return added;
  const count = shapes[1]?.[0] ?? added.get(1)?.data.length;
  if (isLeftOut(3)) added.set(3, firstAxes(count));
  if (isLeftOut(4)) added.set(4, ints(Array<number>(count ?? 0).fill(1)));
  return added;
}

const firstAxes = (count = 0): HostTensor => ints(Array.from({ length: count }, (_, axis) => axis));

/** Every part of the geometry stated, and the padding in numbers. */
function windowAttributesOf(node: NodeDef, attributes: Attributes, [x = [], w = []]: Shapes): Attributes {
  requireKnownWindow(node, attributes);
  const { auto_pad: autoPad = 'NOTSET', ceil_mode: _, ...rest } = attributes;
  const kernel = listOf(rest, 'kernel_shape') ?? w.slice(2);
  const ones = kernel.map(() => 1);
  const strides = listOf(rest, 'strides') ?? ones;
  const dilations = listOf(rest, 'dilations') ?? ones;
  const padding = autoPad === 'SAME_UPPER' ? 'same' : 'valid';
  const { begin, end } = windowGeometry({ kernel, strides, dilations, padding }, x.slice(2));
  const pads = autoPad === 'NOTSET' ? listOf(rest, 'pads') : undefined;
  return { ...rest, kernel_shape: kernel, strides, dilations, pads: pads ?? [...begin, ...end] };
}

function requireKnownWindow(
  { name, opType }: NodeDef,
  { auto_pad: pad = 'NOTSET', ceil_mode: ceil = 0 }: Attributes,
): void {
  const known = opType === 'ConvTranspose' ? ['NOTSET', 'VALID'] : ['NOTSET', 'VALID', 'SAME_UPPER'];
  if (ceil === 0 && known.includes(pad as string)) return;
  const message = `${name || opType}: ${opType} with ceil_mode or auto_pad ${JSON.stringify(pad)} has no gradient here`;
  throw new ServiceError('unsupported_operator', message);
}

const listOf = (attributes: Attributes, name: string): readonly number[] | undefined =>
  attributes[name] as readonly number[] | undefined;
