/** Logistic regression with C = 1: two classes of 50,000 x 100, and the ten of digits. scikit-learn stops where it does by default. */
import { logisticRegression } from '../../shared/families/logistic-regression/index.ts';
import type { BenchCase } from '../contract.ts';
import { classesOf, digitRows, fitting, noise, normalRows, problemOf, signsOf } from '../fitting.ts';

const ROWS = 50_000;

/** `tol` is where the loss is at or below that of scikit-learn's default. */
function logistic(
  name: string,
  data: BenchCase['data'],
  { tol, maxIter }: { tol: number; maxIter: number },
): BenchCase {
  return {
    name,
    peer: 'scikit-learn',
    data,
    open({ x, y }, engine) {
      const given = { task: 'classification', params: { tol }, x: x!, target: classesOf(y!) } as const;
      const problem = problemOf(logisticRegression, given);
      return fitting(logisticRegression, problem, { engine, solution: (state) => lossOf(state.position) });
    },
    python: `
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
def run():
    return LogisticRegression(C=1, max_iter=${maxIter}).fit(data["x"], data["y"])
def solution():
    model = run()
    penalty = 0.5 * np.sum(model.coef_ ** 2) / len(data["y"])
    return [log_loss(data["y"], model.predict_proba(data["x"])) + penalty]
`,
  };
}

/** The penalised mean loss at the end. */
const lossOf = (position: Readonly<Record<string, unknown>>): number[] => [Number(position['value'])];

export const cases = [
  logistic(
    'logistic regression 50k x 100',
    () => {
      const { x, plane } = normalRows(ROWS, 100);
      const off = noise(ROWS);
      return { x, y: signsOf(plane.map((value, row) => value + off[row]!)) };
    },
    { tol: 1e-6, maxIter: 100 },
  ),
  logistic('logistic regression, digits 1,797 x 64, ten classes', digitRows, { tol: 1e-5, maxIter: 1000 }),
];
