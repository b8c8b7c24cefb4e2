/** Support vector classification, kernel computation included; both sides stop at tol 1e-3. */
import { svm } from '../../shared/families/svm/index.ts';
import type { BenchCase } from '../contract.ts';
import { classesOf, digitRows, fitting, normalRows, outputsOf, problemOf, signsOf } from '../fitting.ts';

/** Decision values of this many rows are compared. */
const COMPARED = 200;

function svc(name: string, data: BenchCase['data'], { C, gamma }: { C: number; gamma: number | 'scale' }): BenchCase {
  return {
    name,
    peer: 'scikit-learn',
    data,
    open({ x, y }, engine) {
      const given = { task: 'classification', params: { C, gamma }, x: x!, target: classesOf(y!) } as const;
      const problem = problemOf(svm, given);
      const solution: Parameters<typeof fitting>[2]['solution'] = (state) =>
        outputsOf(svm, problem, { state, engine, output: 'scores', rows: COMPARED });
      return fitting(svm, problem, { engine, solution });
    },
    python: `
from sklearn.svm import SVC
def run():
    return SVC(C=${C}, gamma=${JSON.stringify(gamma)}).fit(data["x"], data["y"])
def solution():
    values = run().decision_function(data["x"][:${COMPARED}])
    return values if values.ndim == 2 else np.stack([-values, values], axis=1)
`,
  };
}

/** Twelve of fifty features decide, two of them by a product that no plane can follow. */
function productRows(): ReturnType<BenchCase['data']> {
  const { x, plane } = normalRows(5000, 50);
  return { x, y: signsOf(plane.map((value, row) => value + 0.5 * x.data[row * 50 + 12]! * x.data[row * 50 + 13]!)) };
}

export const cases = [
  svc('SVC rbf 5,000 x 50, C 1', productRows, { C: 1, gamma: 'scale' }),
  svc('SVC rbf 5,000 x 50, C 10', productRows, { C: 10, gamma: 'scale' }),
  svc('SVC rbf, digits 1,797 x 64, ten classes', digitRows, { C: 1, gamma: 0.001 }),
];
