/**
 * The order of an epoch's rows, drawn by (seed, epoch). Where memory does not hold all rows, as many blocks as it holds are drawn
 * from all over the data and their rows shuffled together: a window. Memory that holds all has one window.
 */
import { Random } from '../../tensor/random.ts';
import type { Problem, Samples } from '../contract.ts';

export interface EpochWindow {
  /** Which rows of the epoch these are. */
  readonly begin: number;
  readonly end: number;
  /** Of the window's rows. */
  readonly order: Int32Array;
  load(): Promise<Samples>;
}

/** The windows of an epoch, from the one on that holds row `from`. */
export function* epochWindows(
  { train, seed }: Problem<unknown>,
  { epoch, from }: { readonly epoch: number; readonly from: number },
): Generator<EpochWindow, void, undefined> {
  const random = Random.fromSeed(seed * 0x10000 + epoch + 1);
  const { blocks } = train;
  if (blocks === undefined) {
    const rows = train.x.shape[0]!;
    yield { begin: 0, end: rows, order: random.permutation(rows), load: () => Promise.resolve(train) };
    return;
  }
  const { starts, perWindow } = blocks;
  let begin = 0;
  for (const list of spread(starts.length - 1, perWindow, random)) {
    const rows = list.reduce((sum, block) => sum + starts[block + 1]! - starts[block]!, 0);
    const end = begin + rows;
    // Drawn also where it is not used: the windows behind it have theirs then.
    const order = random.permutation(rows);
    if (from < end) yield { begin, end, order, load: () => blocks.read(list) };
    begin = end;
  }
}

/** Which blocks each window has: one, drawn at random, of every stretch of the data, so that windows of sorted data are alike too. */
function spread(count: number, perWindow: number, random: Random): number[][] {
  const windows = Array.from({ length: Math.ceil(count / perWindow) }, (): number[] => []);
  for (let first = 0; first < count; first += windows.length) {
    const stretch = random.permutation(Math.min(windows.length, count - first));
    stretch.forEach((offset, window) => windows[window]!.push(first + offset));
  }
  return windows;
}
