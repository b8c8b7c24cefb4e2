/**
 * How long a training would take, from its own first steps: the same preparation and the same graph, timed for a few seconds
 * and carried on to the end. What it learns is thrown away.
 */
import { rowCount } from '../families/contract.ts';
import type { Progress, Samples } from '../families/contract.ts';
import { prepare } from './preparation.ts';
import type { TrainingData } from './preparation.ts';
import { createEngine } from './session.ts';
import { evaluate } from './trainer.ts';

export interface TrainingTime {
  /** Encoding the data, which the publication does once more. */
  readonly prepareS: number;
  readonly fitS: number;
  /** One look at all rows, at the end of the training and before the publication. */
  readonly evaluateS: number;
  /** Of the fit that was timed, in (0, 1]. */
  readonly fraction: number;
  /** How often it reports figures: once for each epoch. */
  readonly epochs: number;
}

const nowS = (): number => performance.now() / 1000;

/** @param boxS how long the steps are timed */
export async function timeTraining(data: TrainingData & { threads: number }, boxS: number): Promise<TrainingTime> {
  const engine = createEngine({ threads: data.threads });
  const startS = nowS();
  const prepared = await prepare(data, engine);
  const preparedS = nowS();
  const { family, problem } = prepared;
  const { validation } = problem;
  const state = family.start(problem);
  const yields: { atS: number; progress: Progress }[] = [];
  for await (const progress of family.fit(problem, state, engine)) {
    yields.push({ atS: nowS(), progress });
    if (nowS() - preparedS >= boxS) break;
  }
  const evaluatedFromS = nowS();
  // Of rows in blocks a sample tells.
  const sample = { train: withoutBlocks(problem.train), ...(validation && { validation: withoutBlocks(validation) }) };
  await evaluate({ ...prepared, problem: { ...problem, ...sample } }, { state, engine });
  const [rows, heldOut] = [rowCount(problem.train), validation === undefined ? 0 : rowCount(validation)];
  const sampled = problem.train.x.shape[0]! + (validation?.x.shape[0] ?? 0);
  const evaluateS = ((nowS() - evaluatedFromS) * (rows + heldOut)) / sampled;
  const validationS = evaluateS * (heldOut / (heldOut + rows));
  return {
    prepareS: preparedS - startS,
    ...carriedOn(yields, { fromS: preparedS, toS: evaluatedFromS, validationS }),
    evaluateS,
  };
}

const withoutBlocks = ({ x, target }: Samples): Samples => ({ x, target });

/** The first stretch holds what is done once, such as making sessions; the pace is that of the stretches behind it. */
function carriedOn(
  yields: readonly { atS: number; progress: Progress }[],
  timed: { fromS: number; toS: number; validationS: number },
): Pick<TrainingTime, 'fitS' | 'fraction' | 'epochs'> {
  const first = yields[0];
  const last = yields.at(-1);
  const { fraction = 1, epochs = 1 } = last?.progress ?? {};
  if (first === undefined || last === undefined || fraction >= 1)
    return { fitS: timed.toS - timed.fromS, fraction: 1, epochs };
  const gained = fraction - first.progress.fraction;
  const secondsPerUnit = gained > 0 ? (last.atS - first.atS) / gained : (last.atS - timed.fromS) / fraction;
  // Epochs end with a look at the validation rows, which a start that ends no epoch has not seen.
  const hasEnded = yields.some(({ progress }) => progress.metrics !== undefined);
  const unseenS = hasEnded ? 0 : epochs * timed.validationS;
  return { fitS: last.atS - timed.fromS + secondsPerUnit * (1 - fraction) + unseenS, fraction, epochs };
}
