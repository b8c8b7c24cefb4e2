/** Least squares on 50,000 x 100: the exact solution, and ridge by the same algorithm. */
import { linearRegression } from '../../shared/families/linear-regression.ts';
import { tensor } from '../../shared/tensor/tensor.ts';
import type { BenchCase } from '../contract.ts';
import { fitting, noise, normalRows, problemOf } from '../fitting.ts';

const ROWS = 50_000;

function leastSquares(name: string, alpha: number, estimator: string): BenchCase {
  return {
    name,
    peer: 'scikit-learn',
    data() {
      const { x, plane } = normalRows(ROWS, 100);
      const off = noise(ROWS);
      return {
        x,
        y: tensor(
          'float64',
          [ROWS],
          plane.map((value, row) => 3 + value + off[row]!),
        ),
      };
    },
    open({ x, y }, engine) {
      const target = { kind: 'numbers', values: y!.data as Float64Array } as const;
      const problem = problemOf(linearRegression, { task: 'regression', params: { alpha }, x: x!, target });
      return fitting(linearRegression, problem, {
        engine,
        solution: ({ tensors }) => [...(tensors['coef']!.data as Float64Array), Number(tensors['intercept']!.data[0])],
      });
    },
    python: `
from sklearn.linear_model import LinearRegression, Ridge
def run():
    return ${estimator}.fit(data["x"], data["y"])
def solution():
    model = run()
    return np.append(model.coef_, model.intercept_)
`,
  };
}

export const cases = [
  leastSquares('least squares 50k x 100, LinearRegression', 0, 'LinearRegression()'),
  leastSquares('least squares 50k x 100, Ridge(cholesky)', 1, 'Ridge(alpha=1, solver="cholesky")'),
];
