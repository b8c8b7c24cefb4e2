/**
 * Orthogonal first weights of recurrent matrices. Source: A. Saxe, J. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of learning
 * in deep linear neural networks" (2014); as in Keras over the whole matrix of stacked gates.
 */
import type { Random } from '../../tensor/random.ts';
import type { WeightPlan } from '../network/layer.ts';

/** [rows, columns] with rows <= columns: the rows are orthonormal, and uniform among such matrices. */
export function orthogonal(rows: number, columns: number): WeightPlan {
  return { shape: [rows, columns], initialize: (random) => orthonormalRows(random, rows, columns) };
}

/** Normal rows made orthonormal one after the other (Gram and Schmidt), twice over against rounding. */
function orthonormalRows(random: Random, rows: number, columns: number): Float32Array {
  const matrix = Float64Array.from(random.normal(rows * columns));
  for (let i = 0; i < rows; i++) {
    const row = matrix.subarray(i * columns, (i + 1) * columns);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) subtractProjection(row, matrix.subarray(j * columns, (j + 1) * columns));
      const norm = Math.sqrt(dot(row, row));
      for (let k = 0; k < columns; k++) row[k]! /= norm;
    }
  }
  return Float32Array.from(matrix);
}

/** row - (row . unit) unit */
function subtractProjection(row: Float64Array, unit: Float64Array): void {
  const length = dot(row, unit);
  for (let k = 0; k < row.length; k++) row[k]! -= length * unit[k]!;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}
