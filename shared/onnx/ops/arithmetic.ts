/** Elementwise arithmetic. Operands broadcast as in NumPy, and a number stands for a constant. */
import { isFloat } from '../../tensor/dtype.ts';
import type { Graph, Value } from '../graph.ts';
import { broadcasting, operands, unary } from './elementwise.ts';
import type { Operand } from './elementwise.ts';

export const arithmetic = {
  add: (g: Graph, a: Operand, b: Operand) => broadcasting(g, 'Add', [a, b]),
  sub: (g: Graph, a: Operand, b: Operand) => broadcasting(g, 'Sub', [a, b]),
  mul: (g: Graph, a: Operand, b: Operand) => broadcasting(g, 'Mul', [a, b]),
  div: (g: Graph, a: Operand, b: Operand) => broadcasting(g, 'Div', [a, b]),
  pow: (g: Graph, base: Operand, exponent: Operand) => broadcasting(g, 'Pow', [base, exponent]),
  max: (g: Graph, ...inputs: Operand[]) => broadcasting(g, 'Max', inputs),
  min: (g: Graph, ...inputs: Operand[]) => broadcasting(g, 'Min', inputs),
  sum: (g: Graph, ...inputs: Operand[]) => broadcasting(g, 'Sum', inputs),
  /** The remainder with the divisor's sign; of floats with the dividend's, as in C. */
  mod: (g: Graph, a: Operand, b: Operand) => mod(g, a, b),

  neg: (g: Graph, x: Value) => unary(g, 'Neg', x),
  abs: (g: Graph, x: Value) => unary(g, 'Abs', x),
  exp: (g: Graph, x: Value) => unary(g, 'Exp', x),
  log: (g: Graph, x: Value) => unary(g, 'Log', x),
  sqrt: (g: Graph, x: Value) => unary(g, 'Sqrt', x),
  reciprocal: (g: Graph, x: Value) => unary(g, 'Reciprocal', x),
  sin: (g: Graph, x: Value) => unary(g, 'Sin', x),
  cos: (g: Graph, x: Value) => unary(g, 'Cos', x),
  erf: (g: Graph, x: Value) => unary(g, 'Erf', x),
  sign: (g: Graph, x: Value) => unary(g, 'Sign', x),
  floor: (g: Graph, x: Value) => unary(g, 'Floor', x),
  ceil: (g: Graph, x: Value) => unary(g, 'Ceil', x),
  round: (g: Graph, x: Value) => unary(g, 'Round', x),
  /** Limits to [min, max]; either may be left out. */
  clip: (g: Graph, x: Value, min?: number, max?: number) => clip(g, x, min, max),
};

function mod(g: Graph, a: Operand, b: Operand): Value {
  const values = operands(g, 'Mod', [a, b]);
  return broadcasting(g, 'Mod', values, isFloat(values[0]!.dtype) ? { attributes: { fmod: 1 } } : {});
}

function clip(g: Graph, x: Value, min?: number, max?: number): Value {
  const limit = (value: number | undefined): Value | undefined =>
    value === undefined ? undefined : operands(g, 'Clip', [x, value])[1];
  return g.emit('Clip', [x, limit(min), limit(max)], x);
}
