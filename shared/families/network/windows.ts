/**
 * The order of an epoch's rows, drawn by (seed, epoch). Where memory does not hold all rows, their blocks are put in random order, and as many as it holds
 * are shuffled together: a window. Memory that holds all has one window.
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
  const shuffled = random.permutation(starts.length - 1);
  for (let at = 0, begin = 0; at < shuffled.length; at += perWindow) {
    const list = Array.from(shuffled.subarray(at, at + perWindow));
    const rows = list.reduce((sum, block) => sum + starts[block + 1]! - starts[block]!, 0);
    const end = begin + rows;
    // Drawn also where it is not used: the windows behind it have theirs then.
    const order = random.permutation(rows);
    if (from < end) yield { begin, end, order, load: () => blocks.read(list) };
    begin = end;
  }
}
