/**
 * How long a run may take that nobody has seen yet, by the sizes of those that were: one run blocks the JavaScript thread until it is
 * done, so that what may take long is run in a process of its own (apart/). Asked only for models of which a row has no fixed size.
 */
import { shapeOfNested } from '../data/nested-array.ts';
import { sizeOf } from '../tensor/shape.ts';

/** A run of which as much is expected is no short one, in ms. */
const LONG_MS = 5_000;

export interface Measured {
  /** Numbers, or characters of texts, of one row. */
  readonly size: number;
  readonly ms: number;
}

/** What the seconds of a trial are rounded by at most: a run that took no time would tell that none ever does. */
const ROUNDED_MS = 0.5;

/** Of a run of one row, by the shapes of its tensors. */
export function measuredOf(shapes: readonly (readonly number[])[], seconds: number): Measured {
  return { size: shapes.reduce((sum, shape) => sum + sizeOf(shape), 0), ms: seconds * 1000 + ROUNDED_MS };
}

export class Lengths {
  #largest: Measured | undefined;
  readonly #isForeseeable: boolean;

  /** @param isForeseeable whether the size is what decides: the turns of a loop may depend on the values */
  constructor({ first, isForeseeable }: { first?: Measured | undefined; isForeseeable: boolean }) {
    this.#largest = first;
    this.#isForeseeable = isForeseeable;
  }

  /** Whether one of the rows may take long: a row larger than any before is expected to take the square of its share, as attention does. */
  mayBeLong(instances: readonly unknown[]): boolean {
    if (!this.#isForeseeable || this.#largest === undefined) return true;
    const { size, ms } = this.#largest;
    const growth = Math.max(1, largestOf(instances) / Math.max(1, size));
    return ms * growth ** 2 > LONG_MS;
  }

  /** What the largest of the rows takes at least, in ms. */
  leastMs(instances: readonly unknown[]): number {
    if (!this.#isForeseeable || this.#largest === undefined) return 0;
    return largestOf(instances) >= this.#largest.size ? this.#largest.ms : 0;
  }

  /** @param ms of all the rows together */
  note(instances: readonly unknown[], ms: number): void {
    const size = largestOf(instances);
    const rowMs = ms / Math.max(1, instances.length);
    if (this.#largest === undefined || size >= this.#largest.size) this.#largest = { size, ms: rowMs };
  }
}

function largestOf(instances: readonly unknown[]): number {
  return instances.reduce<number>((most, instance) => Math.max(most, sizeOfRow(instance)), 0);
}

/** By the first elements of nested arrays. */
function sizeOfRow(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (Array.isArray(value)) return sizeOf(shapeOfNested(value));
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, one) => sum + sizeOfRow(one), 0);
}
