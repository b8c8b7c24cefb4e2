/** The game that Shapley values share out: v(S) is the mean output of rows that have the explained row's values for S and a background row's elsewhere. */
import { ServiceError } from '../../errors.ts';
import type { Background } from '../background.ts';
import type { Feeds } from '../terms.ts';
import { coalitionRows } from '../players.ts';
import type { Coalition, Player } from '../players.ts';
import { select } from '../subject.ts';
import type { Subject } from '../subject.ts';

/** Rows made at once. */
const BLOCK_ROWS = 8192;

export interface Game {
  readonly subject: Subject;
  readonly players: readonly Player[];
  /** The explained row. */
  readonly row: Feeds;
  readonly background: Background;
  readonly selector: Float64Array;
  readonly deadlineMs: number;
}

/** v of each coalition. @throws budget_exceeded when the time is over */
export async function worths(game: Game, coalitions: readonly Coalition[]): Promise<Float64Array> {
  const { subject, players, row, background, selector, deadlineMs } = game;
  const result = new Float64Array(coalitions.length);
  const block = Math.max(1, Math.floor(BLOCK_ROWS / background.rows));
  for (let begin = 0; begin < coalitions.length; begin += block) {
    if (performance.now() > deadlineMs) throw outOfTime(coalitions.length * background.rows);
    const part = coalitions.slice(begin, begin + block);
    const figures = await subject.run(coalitionRows(players, part, { row, background: background.feeds }));
    for (const [i, figure] of figures.entries())
      result[begin + Math.floor(i / background.rows)]! += select(figure, selector) / background.rows;
  }
  return result;
}

function outOfTime(passes: number): ServiceError {
  const message = `max_seconds: ${passes} passes through the model for each instance were not done in time: send fewer instances, a smaller "background" or fewer "samples", or choose kernel_shap`;
  return new ServiceError('budget_exceeded', message, { param: '/max_seconds' });
}

/** Every coalition of n players; bit p of the index says whether p takes part. */
export function allCoalitions(n: number): Coalition[] {
  return Array.from({ length: 2 ** n }, (_, mask) => Uint8Array.from({ length: n }, (__, p) => (mask >> p) & 1));
}
