/** Ops of the domain ai.onnx.ml that carry preprocessing inside a model, and string ops of the default domain. */
import type { DType } from '../../tensor/dtype.ts';
import type { Graph, Value } from '../graph.ts';
import type { Attribute } from '../model.ts';

type Keys = { readonly strings: readonly string[] } | { readonly ints: readonly number[] };
type Results = Keys | { readonly floats: readonly number[] };

export interface LabelEncoderOptions {
  readonly keys: Keys;
  readonly values: Results;
  /** The value of a key that is not listed. */
  readonly defaultValue?: string | number;
}

export const ml = {
  /** Replaces each key by the value at its position in `values`. */
  labelEncoder: (g: Graph, x: Value, options: LabelEncoderOptions) => labelEncoder(g, x, options),
  /** [..., categories] floats with a one at the category; all zeros for others. */
  oneHotEncoder: (g: Graph, x: Value, categories: Keys) => oneHotEncoder(g, x, categories),
  /** Elements as float32, strings parsed. */
  stringToFloat: (g: Graph, x: Value) => g.emit('Cast', [x], { dtype: 'float32', shape: x.shape }, { to: 1 }),
};

function labelEncoder(g: Graph, x: Value, { keys, values, defaultValue }: LabelEncoderOptions): Value {
  requireDType(g, 'LabelEncoder', { x, keys });
  const attributes: Record<string, Attribute<Graph>> = {
    ...listAttribute('keys', keys),
    ...listAttribute('values', values),
  };
  if (defaultValue !== undefined) {
    if ('strings' in values) attributes['default_string'] = String(defaultValue);
    else if ('ints' in values) attributes['default_int64'] = Number(defaultValue);
    else attributes['default_float'] = { float: Number(defaultValue) };
  }
  const dtype: DType = 'strings' in values ? 'string' : 'ints' in values ? 'int64' : 'float32';
  return g.emit('ai.onnx.ml:LabelEncoder', [x], { dtype, shape: x.shape }, attributes);
}

function listAttribute(prefix: 'keys' | 'values', list: Results): Record<string, Attribute<Graph>> {
  if ('strings' in list) return { [`${prefix}_strings`]: list.strings };
  if ('ints' in list) return { [`${prefix}_int64s`]: list.ints };
  return { [`${prefix}_floats`]: { floats: list.floats } };
}

function oneHotEncoder(g: Graph, x: Value, categories: Keys): Value {
  requireDType(g, 'OneHotEncoder', { x, keys: categories });
  const list = 'strings' in categories ? categories.strings : categories.ints;
  const attributes = 'strings' in categories ? { cats_strings: categories.strings } : { cats_int64s: categories.ints };
  return g.emit(
    'ai.onnx.ml:OneHotEncoder',
    [x],
    { dtype: 'float32', shape: [...x.shape, list.length] },
    { ...attributes, zeros: 1 },
  );
}

function requireDType(g: Graph, op: string, { x, keys }: { x: Value; keys: Keys }): void {
  const expected = 'strings' in keys ? 'string' : 'int64';
  if (x.dtype !== expected) throw g.mismatch(op, `an input of ${expected}`, [x]);
}
