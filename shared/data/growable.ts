/** Typed arrays that grow row by row while a file is read. */

type Numeric =
  Float64Array<ArrayBuffer> | Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

/** A typed array that doubles when it is full. */
export class Growable<T extends Numeric> {
  length = 0;
  private array: T;
  private readonly create: (length: number) => T;

  constructor(create: (length: number) => T, capacity = 256) {
    this.create = create;
    this.array = create(capacity);
  }

  push(value: number): void {
    if (this.length === this.array.length) this.reserve(this.length + 1);
    this.array[this.length++] = value;
  }

  append(values: ArrayLike<number>): void {
    this.reserve(this.length + values.length);
    this.array.set(values, this.length);
    this.length += values.length;
  }

  /** A copy of the values so far, after which it is empty. */
  take(): T {
    const values = this.array.slice(0, this.length) as T;
    this.length = 0;
    return values;
  }

  private reserve(length: number): void {
    if (length <= this.array.length) return;
    const larger = this.create(Math.max(length, this.array.length * 2));
    larger.set(this.array.subarray(0, this.length));
    this.array = larger;
  }
}
