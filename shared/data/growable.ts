/**
 * Typed arrays and text that grow row by row while a file is read. Text is kept as UTF-8 bytes outside the JavaScript heap:
 * a million short strings would cost several times their file.
 */

type Numeric =
  Float64Array<ArrayBuffer> | Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

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

  at(index: number): number {
    return this.array[index]!;
  }

  /** The values so far, as a view that the next push may leave behind. */
  view(): T {
    return this.array.subarray(0, this.length) as T;
  }

  private reserve(length: number): void {
    if (length <= this.array.length) return;
    const larger = this.create(Math.max(length, this.array.length * 2));
    larger.set(this.array.subarray(0, this.length));
    this.array = larger;
  }
}

const CHUNK_BYTES = 1 << 20;

/** An append-only list of strings in chunks of UTF-8; a string never crosses a chunk. */
export class GrowableText {
  private readonly chunks: Buffer[] = [];
  private readonly starts = new Growable((n) => new Float64Array(n));
  private readonly sizes = new Growable((n) => new Uint32Array(n));
  private used = CHUNK_BYTES;

  get length(): number {
    return this.sizes.length;
  }

  push(text: string): void {
    let chunk = this.chunks.at(-1);
    // Three bytes are the most that one UTF-16 unit takes in UTF-8.
    if (
      chunk === undefined ||
      (this.used + text.length * 3 > chunk.length && this.used + Buffer.byteLength(text) > chunk.length)
    ) {
      chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, Buffer.byteLength(text)));
      this.chunks.push(chunk);
      this.used = 0;
    }
    const size = chunk.write(text, this.used, 'utf8');
    this.starts.push((this.chunks.length - 1) * 2 ** 32 + this.used);
    this.sizes.push(size);
    this.used += size;
  }

  at(index: number): string {
    const start = this.starts.at(index);
    const chunk = Math.floor(start / 2 ** 32);
    const offset = start - chunk * 2 ** 32;
    return this.chunks[chunk]!.toString('utf8', offset, offset + this.sizes.at(index));
  }
}
