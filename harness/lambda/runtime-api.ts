/**
 * The Runtime API of one execution environment: an HTTP server on loopback that only its own process speaks to. The Extensions API
 * answers at the same address.
 * Source: AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes" (version 2018-06-01).
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ExtensionsApi } from './extensions-api.ts';
import type { ExtendedFunction } from './extensions-api.ts';

const PATH = /^\/2018-06-01\/runtime\/(?:invocation\/(?:(next)|([^/]+)\/(response|error))|(init\/error))$/;

/** What the runtime is given with an event. */
export interface Invocation {
  readonly requestId: string;
  readonly payload: Buffer;
  readonly deadlineMs: number;
  readonly invokedFunctionArn: string;
  readonly traceId: string;
  readonly tenantId?: string;
  readonly clientContext?: string;
}

/** What the runtime answered; `stream` is open while the function still writes. */
export type RuntimeAnswer =
  | { readonly kind: 'response'; readonly payload: Buffer }
  | { readonly kind: 'stream'; readonly contentType: string; readonly body: IncomingMessage }
  | { readonly kind: 'error'; readonly phase: 'init' | 'invoke'; readonly errorType: string; readonly payload: Buffer };

export interface RuntimeApiEvents {
  /** The runtime and its extensions ask for an invocation: the init phase, or the invocation before, is over. */
  onReady(): void;
  onAnswer(answer: RuntimeAnswer): void;
}

async function readBody(http: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of http) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export class RuntimeApi {
  readonly #server: Server;
  readonly #events: RuntimeApiEvents;
  readonly #extensions: ExtensionsApi;
  #waiting: ServerResponse | undefined;
  #pending: Invocation | undefined;
  #currentId: string | undefined;

  constructor(events: RuntimeApiEvents, extended: ExtendedFunction) {
    this.#events = events;
    this.#extensions = new ExtensionsApi(extended, () => this.#settle());
    this.#server = createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 }, (http, response) => {
      this.#serve(http, response).catch(() => response.destroy());
    });
  }

  /** Listens on a free port of loopback and answers `host:port`. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve, reject) => this.#server.once('error', reject).listen(0, '127.0.0.1', resolve));
    this.#server.unref();
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Whether an extension runs beside the function. */
  get isExtended(): boolean {
    return this.#extensions.isUsed;
  }

  /** Hands over the next invocation, now or as soon as the runtime asks. */
  dispatch(invocation: Invocation): void {
    this.#pending = invocation;
    this.#deliver();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(http: IncomingMessage, response: ServerResponse): Promise<void> {
    if (ExtensionsApi.serves(http.url ?? '')) {
      await this.#extensions.serve(http, response);
      return;
    }
    const [, next, requestId, action, initError] = PATH.exec(http.url ?? '') ?? [];
    if (next !== undefined) {
      this.#waiting = response;
      this.#currentId = undefined;
      this.#extensions.close();
      this.#settle();
    } else if (initError !== undefined) {
      await this.#takeError(http, 'init');
      this.#accept(response);
    } else if (requestId === undefined) {
      this.#refuse(response, 404, 'InvalidPath', `unknown path ${http.url ?? ''}`);
    } else if (requestId !== this.#currentId) {
      this.#refuse(response, 400, 'InvalidRequestID', `Invalid request ID ${requestId}`);
    } else if (action === 'error') {
      await this.#takeError(http, 'invoke');
      this.#accept(response);
    } else if (http.headers['lambda-runtime-function-response-mode'] === 'streaming') {
      const body = http;
      this.#events.onAnswer({
        kind: 'stream',
        contentType: http.headers['content-type'] ?? 'application/octet-stream',
        body,
      });
      body.once('end', () => this.#accept(response));
    } else {
      this.#events.onAnswer({ kind: 'response', payload: await readBody(http) });
      this.#accept(response);
    }
  }

  async #takeError(http: IncomingMessage, phase: 'init' | 'invoke'): Promise<void> {
    const payload = await readBody(http);
    const errorType = http.headers['lambda-runtime-function-error-type'];
    this.#events.onAnswer({
      kind: 'error',
      phase,
      errorType: typeof errorType === 'string' ? errorType : 'Runtime.Unknown',
      payload,
    });
  }

  /** Somebody asks for what is next; it comes when all do. */
  #settle(): void {
    if (this.#waiting === undefined || !this.#extensions.areWaiting) return;
    this.#events.onReady();
    this.#deliver();
  }

  #deliver(): void {
    const [invocation, response] = [this.#pending, this.#waiting];
    if (!invocation || !response || !this.#extensions.areWaiting) return;
    this.#pending = undefined;
    this.#waiting = undefined;
    this.#currentId = invocation.requestId;
    this.#extensions.announce(invocation);
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': invocation.payload.length,
      'Lambda-Runtime-Aws-Request-Id': invocation.requestId,
      'Lambda-Runtime-Deadline-Ms': String(invocation.deadlineMs),
      'Lambda-Runtime-Invoked-Function-Arn': invocation.invokedFunctionArn,
      'Lambda-Runtime-Trace-Id': invocation.traceId,
      ...(invocation.tenantId === undefined ? {} : { 'Lambda-Runtime-Aws-Tenant-Id': invocation.tenantId }),
      ...(invocation.clientContext === undefined ? {} : { 'Lambda-Runtime-Client-Context': invocation.clientContext }),
    });
    response.end(invocation.payload);
  }

  #accept(response: ServerResponse): void {
    response.writeHead(202, { 'Content-Type': 'application/json' }).end('{"status":"OK"}');
  }

  #refuse(response: ServerResponse, status: number, errorType: string, errorMessage: string): void {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify({ errorType, errorMessage }));
  }
}
