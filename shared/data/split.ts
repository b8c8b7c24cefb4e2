/** Which rows train and which validate: drawn by seed, and stratified where there are classes. */
import { Random } from '../tensor/random.ts';

export interface Split {
  readonly train: Int32Array;
  readonly validation: Int32Array;
}

/** How many of the rows validate: at least one if the fraction is above 0, and at least one is left. */
export function validationRows(rows: number, fraction: number): number {
  return rows < 2 || fraction === 0 ? 0 : Math.min(rows - 1, Math.max(1, Math.round(fraction * rows)));
}

/**
 * Splits off `fraction` of the rows for validation, at least one row if the fraction is above 0 and there are two rows.
 * With `classes` (a class index per row) every class gives its share, rounded by largest remainder, and keeps at least one training row.
 */
export function splitRows(
  rows: number,
  fraction: number,
  { seed, classes }: { seed: number; classes?: Int32Array },
): Split {
  const random = Random.fromSeed(seed);
  const order = random.permutation(rows);
  const wanted = validationRows(rows, fraction);
  const groups = groupRows(order, classes);
  const shares = sharesOf(
    groups.map((group) => group.length),
    wanted,
    rows,
  );
  const isValidation = new Uint8Array(rows);
  groups.forEach((group, k) => group.slice(0, shares[k]).forEach((row) => (isValidation[row] = 1)));
  const pick = (flag: number): Int32Array =>
    Int32Array.from({ length: rows }, (_, row) => row).filter((row) => isValidation[row] === flag);
  return { train: pick(0), validation: pick(1) };
}

function groupRows(order: Int32Array, classes: Int32Array | undefined): number[][] {
  if (classes === undefined) return [Array.from(order)];
  const groups = new Map<number, number[]>();
  for (const row of order) {
    const group = groups.get(classes[row]!);
    if (group === undefined) groups.set(classes[row]!, [row]);
    else group.push(row);
  }
  return [...groups.values()];
}

/** How many rows of each group validate: floors first, the rest to the largest remainders. */
function sharesOf(sizes: readonly number[], wanted: number, rows: number): number[] {
  const exact = sizes.map((size) => (size * wanted) / rows);
  const shares = exact.map((share, k) => Math.min(Math.floor(share), sizes[k]! - 1));
  const byRemainder = sizes.map((_, k) => k).sort((a, b) => exact[b]! - shares[b]! - (exact[a]! - shares[a]!) || a - b);
  let left = wanted - shares.reduce((sum, share) => sum + share, 0);
  for (const k of byRemainder) {
    if (left <= 0) break;
    if (shares[k]! >= sizes[k]! - 1) continue;
    shares[k]!++;
    left--;
  }
  return shares;
}
