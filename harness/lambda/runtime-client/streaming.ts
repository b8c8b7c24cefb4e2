/**
 * The response stream of `awslambda.streamifyResponse` handlers: a Writable whose chunks go out as they are written.
 * Source: AWS Lambda developer guide, "Response streaming for Lambda functions".
 */
import { Writable } from 'node:stream';
import type { ClientRequest } from 'node:http';
import type { RuntimeApiClient } from './api-client.ts';
import { toReport } from './errors.ts';

const PRELUDE_CONTENT_TYPE = 'application/vnd.awslambda.http-integration-response';
/** Bytes of zero between the prelude's JSON and the body. */
const PRELUDE_DELIMITER = Buffer.alloc(8);

export class ResponseStream extends Writable {
  readonly #client: RuntimeApiClient;
  readonly #requestId: string;
  #contentType = 'application/octet-stream';
  #prelude: string | undefined;
  #request: ClientRequest | undefined;
  #answered: Promise<void> = Promise.resolve();

  constructor(client: RuntimeApiClient, requestId: string) {
    super();
    this.#client = client;
    this.#requestId = requestId;
  }

  setContentType(contentType: string): void {
    if (this.#request) throw new Error('Cannot set content-type, too late.');
    this.#contentType = contentType;
  }

  setPrelude(prelude: unknown): void {
    this.setContentType(PRELUDE_CONTENT_TYPE);
    this.#prelude = JSON.stringify(prelude);
  }

  get hasBegun(): boolean {
    return this.#request !== undefined;
  }

  /** Settles when the service has taken the whole response. */
  get answered(): Promise<void> {
    return this.#answered;
  }

  /** Ends the response with the error in its trailers. */
  async abort(thrown: unknown): Promise<void> {
    const report = toReport(thrown);
    this.#open().addTrailers({
      'Lambda-Runtime-Function-Error-Type': report.errorType,
      'Lambda-Runtime-Function-Error-Body': Buffer.from(JSON.stringify(report)).toString('base64'),
    });
    this.#open().end();
    await this.#answered;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#open().write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#open().end(() => done());
  }

  #open(): ClientRequest {
    if (this.#request) return this.#request;
    const { request, answered } = this.#client.openStream(this.#requestId, this.#contentType);
    answered.catch(() => undefined);
    this.#request = request;
    this.#answered = answered;
    if (this.#prelude !== undefined) {
      request.write(this.#prelude);
      request.write(PRELUDE_DELIMITER);
    }
    return request;
  }
}

/** `awslambda.HttpResponseStream`: puts status, headers and cookies before the body. */
export const HttpResponseStream = {
  from(stream: ResponseStream, prelude: unknown): ResponseStream {
    stream.setPrelude(prelude);
    return stream;
  },
};
