/** Reads lines and exact numbers of bytes from a stream, for framed bodies (aws-chunked, multipart/form-data). */
import { AwsError } from '../service.ts';

const MAX_LINE_BYTES = 16 * 1024;

export class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next line without its CRLF; throws where the body ends first. */
  async line(): Promise<string> {
    const line = await this.lineOrEnd();
    if (line === undefined) throw endedEarly();
    return line;
  }

  /** The next line without its CRLF, undefined at the end of the body. */
  async lineOrEnd(): Promise<string | undefined> {
    for (;;) {
      const end = this.#buffer.indexOf('\r\n');
      if (end >= 0)
        return this.#cut(end + 2)
          .subarray(0, end)
          .toString('latin1');
      if (this.#buffer.length > MAX_LINE_BYTES)
        throw new AwsError(400, 'InvalidRequest', `A line of the body is longer than ${MAX_LINE_BYTES} bytes.`);
      if (!(await this.#fill())) {
        if (this.#buffer.length > 0) throw endedEarly();
        return undefined;
      }
    }
  }

  /** Exactly `count` bytes, as they arrive. */
  async *take(count: number): AsyncGenerator<Buffer> {
    let left = count;
    while (left > 0) {
      if (this.#buffer.length === 0 && !(await this.#fill())) throw endedEarly();
      const piece = this.#cut(Math.min(left, this.#buffer.length));
      left -= piece.length;
      yield piece;
    }
  }

  /** Everything up to `delimiter`, which is consumed. */
  async *until(delimiter: Buffer): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.#buffer.indexOf(delimiter);
      if (at >= 0) {
        yield this.#cut(at);
        this.#cut(delimiter.length);
        return;
      }
      // The last bytes may be the beginning of the delimiter.
      const safe = this.#buffer.length - delimiter.length + 1;
      if (safe > 0) yield this.#cut(safe);
      if (!(await this.#fill())) throw endedEarly();
    }
  }

  /** Throws where anything but the end of the body follows. */
  async end(): Promise<void> {
    if (this.#buffer.length > 0 || (await this.#fill())) {
      throw new AwsError(400, 'InvalidRequest', 'The body goes on after its end marker.');
    }
  }

  /** Reads and drops what follows. */
  async drain(): Promise<void> {
    do this.#buffer = Buffer.alloc(0);
    while (await this.#fill());
  }

  async #fill(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done === true) return false;
    this.#buffer = this.#buffer.length === 0 ? next.value : Buffer.concat([this.#buffer, next.value]);
    return true;
  }

  #cut(count: number): Buffer {
    const piece = this.#buffer.subarray(0, count);
    this.#buffer = this.#buffer.subarray(count);
    return piece;
  }
}

const endedEarly = (): AwsError => new AwsError(400, 'IncompleteBody', 'The request body terminated unexpectedly');
