/**
 * The calls of the Runtime API that a runtime makes, over one kept-alive connection.
 * Source: AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes" (version 2018-06-01).
 */
import { Agent, request } from 'node:http';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http';
import { describeError, toReport } from './errors.ts';

const PREFIX = '/2018-06-01/runtime';

export interface NextInvocation {
  readonly event: string;
  readonly headers: IncomingHttpHeaders;
}

async function read(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export class RuntimeApiClient {
  readonly #hostname: string;
  readonly #port: string;
  readonly #agent = new Agent({ keepAlive: true });

  /** `address` is AWS_LAMBDA_RUNTIME_API: `host:port`. */
  constructor(address: string) {
    const [hostname, port] = address.split(':');
    this.#hostname = hostname ?? '127.0.0.1';
    this.#port = port ?? '80';
  }

  /** Waits, as long as it takes, for the next invocation. */
  async next(): Promise<NextInvocation> {
    const response = await this.#send('GET', '/invocation/next', {}, undefined);
    return { event: (await read(response)).toString(), headers: response.headers };
  }

  async respond(requestId: string, payload: string): Promise<void> {
    await this.#post(`/invocation/${requestId}/response`, { 'Content-Type': 'application/json' }, payload);
  }

  async fail(requestId: string, thrown: unknown): Promise<void> {
    await this.#postError(`/invocation/${requestId}/error`, thrown);
  }

  async failInit(thrown: unknown): Promise<void> {
    await this.#postError('/init/error', thrown);
  }

  /** Opens the chunked request that carries a streamed response; `answered` settles when the service has taken it. */
  openStream(requestId: string, contentType: string): { request: ClientRequest; answered: Promise<void> } {
    const headers = {
      'Content-Type': contentType,
      'Lambda-Runtime-Function-Response-Mode': 'streaming',
      'Transfer-Encoding': 'chunked',
      Trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
    };
    const outgoing = request(this.#options('POST', `/invocation/${requestId}/response`, headers));
    const answered = new Promise<void>((resolve, reject) => {
      outgoing.once('response', (response) => void read(response).then(() => resolve(), reject));
      outgoing.once('error', reject);
    });
    return { request: outgoing, answered };
  }

  async #postError(path: string, thrown: unknown): Promise<void> {
    const report = toReport(thrown);
    const cause = JSON.stringify({
      working_directory: process.cwd(),
      exceptions: [{ type: report.errorType, message: report.errorMessage }],
    });
    const headers = {
      'Content-Type': 'application/json',
      'Lambda-Runtime-Function-Error-Type': report.errorType.replace(/[^\x20-\x7e]/g, '?'),
      'Lambda-Runtime-Function-XRay-Error-Cause': cause.length > 10_000 ? '{}' : cause.replace(/[^\x20-\x7e]/g, '?'),
    };
    console.error(path === '/init/error' ? 'Init Error' : 'Invoke Error', `\t${describeError(thrown)}`);
    await this.#post(path, headers, JSON.stringify(report));
  }

  async #post(path: string, headers: Record<string, string>, body: string): Promise<void> {
    const response = await this.#send(
      'POST',
      path,
      { ...headers, 'Content-Length': String(Buffer.byteLength(body)) },
      body,
    );
    const answer = await read(response);
    if ((response.statusCode ?? 500) >= 400)
      throw new Error(`Runtime API ${path}: ${response.statusCode ?? 0} ${answer.toString()}`);
  }

  #options(method: string, path: string, headers: Record<string, string>): RequestOptions {
    return {
      hostname: this.#hostname,
      port: this.#port,
      agent: this.#agent,
      method,
      path: `${PREFIX}${path}`,
      headers,
    };
  }

  #send(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: string | undefined,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = request(this.#options(method, path, headers), resolve);
      outgoing.once('error', reject);
      outgoing.end(body);
    });
  }
}
