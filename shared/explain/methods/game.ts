/** The game that Shapley values share out: v(S) is the mean output of rows that have the explained row's values for S and a background row's elsewhere. */
import { ServiceError } from '../../errors.ts';
import { select } from '../aim.ts';
import { completenessOf } from '../completeness.ts';
import type { Explanation, Question } from '../contract.ts';
import { attributionsOf, coalitionRows, playersOf } from '../players.ts';
import type { Coalition } from '../players.ts';
import { joinRows } from '../rows.ts';
import { stretchedTo } from '../steps.ts';
import type { Subject } from '../subject.ts';

/** Rows made at once, and their values: the time is looked at between two blocks. */
const BLOCK_ROWS = 8192;
const BLOCK_VALUES = 1 << 20;

export interface Game {
  readonly players: number;
  /** v of nobody and of everybody. */
  readonly ends: readonly [baseValue: number, output: number];
  /** v of each coalition. @throws budget_exceeded when the time is over */
  worths(coalitions: readonly Coalition[]): Promise<Float64Array>;
  /** The answer that the players' shares and, where they are sampled, their errors are. */
  explanation(shares: Float64Array, errors?: Float64Array): Explanation;
}

export async function gameOf(subject: Subject, question: Question): Promise<Game> {
  const { row, background } = question;
  const players = playersOf(subject.schema, row);
  const others = background!.rows.map((other) => stretchedTo(subject.schema, other, row));
  const sides = { row, background: others.length === 0 ? undefined : joinRows(others) };
  const count = Math.max(1, others.length);
  const width = Object.values(row).reduce((sum, { data }) => sum + data.length, 0);
  const worths = async (coalitions: readonly Coalition[]): Promise<Float64Array> => {
    const result = new Float64Array(coalitions.length);
    const block = Math.max(1, Math.floor(Math.min(BLOCK_ROWS, BLOCK_VALUES / width) / count));
    for (let begin = 0; begin < coalitions.length; begin += block) {
      if (performance.now() > question.deadlineMs) throw outOfTime(coalitions.length * count);
      const part = coalitions.slice(begin, begin + block);
      const figures = await subject.run(coalitionRows(players, part, sides));
      for (const [i, figure] of figures.entries())
        result[begin + Math.floor(i / count)]! += select(figure, question.aim.weights) / count;
    }
    return result;
  };
  const nobody = new Uint8Array(players.length);
  const [baseValue, output] = (await worths([nobody, nobody.map(() => 1)])) as unknown as [number, number];
  return {
    players: players.length,
    ends: [baseValue, output],
    worths,
    explanation(shares, errors) {
      const attributions = attributionsOf(row, players, shares);
      const standardErrors = errors && attributionsOf(row, players, errors);
      const completeness = completenessOf(attributions, { output, baseValue });
      return { attributions, output, baseValue, completeness, ...(standardErrors && { standardErrors }) };
    },
  };
}

function outOfTime(passes: number): ServiceError {
  const message = `max_seconds: ${passes} passes through the model for each instance were not done in time: send fewer instances, a smaller "background" or fewer "samples", or choose kernel_shap`;
  return new ServiceError('budget_exceeded', message, { param: '/max_seconds' });
}
