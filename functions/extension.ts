/**
 * An internal extension: Lambda does not freeze the environment after an answer before the extension has asked for the next event, so that
 * what the answer need not wait for is done behind it. With one registered Lambda also says so (SIGTERM) before it ends the environment.
 * Source: AWS Lambda developer guide, "Using the Lambda Extensions API" (version 2020-01-01).
 */
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Afterwards } from '../shared/afterwards.ts';

const PREFIX = '/2020-01-01/extension';

export class Extension implements Afterwards {
  readonly isAwaited = true;
  readonly #api: string;
  readonly #id: string;
  #work: (() => Promise<unknown>)[] = [];
  /** Of the invocation that the extension has heard of or the handler has answered, whichever was first. */
  #answered = Promise.withResolvers<undefined>();

  /** @param id that Lambda gave it */
  constructor(api: string, id: string) {
    this.#api = api;
    this.#id = id;
  }

  do(work: () => Promise<unknown>): void {
    this.#work.push(work);
  }

  /** Runs an invocation's handler, and then lets the work begin. */
  async answering<T>(handle: () => Promise<T>): Promise<T> {
    try {
      return await handle();
    } finally {
      this.#answered.resolve(undefined);
    }
  }

  /** Does the work of one invocation after the other, as long as the environment lives. */
  async run(): Promise<never> {
    for (;;) {
      await send(this.#api, 'event/next', { 'Lambda-Extension-Identifier': this.#id });
      await this.#answered.promise;
      this.#answered = Promise.withResolvers<undefined>();
      // The answer leaves first.
      await new Promise((resolve) => setImmediate(resolve));
      while (this.#work.length > 0) await Promise.all(this.#work.splice(0).map((work) => work()));
    }
  }
}

/** Registers the extension; to be called in the init phase. @returns undefined where nobody listens or it is refused */
export async function registerExtension(
  name: string,
  api = process.env['AWS_LAMBDA_RUNTIME_API'],
): Promise<Extension | undefined> {
  if (api === undefined) return undefined;
  const headers = { 'Lambda-Extension-Name': name };
  const id = await send(api, 'register', headers, JSON.stringify({ events: ['INVOKE'] })).catch(() => undefined);
  return id === undefined ? undefined : new Extension(api, id);
}

/** @returns the identifier that the answer's header carries. @throws {Error} for any answer but 200 */
async function send(
  api: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    request(`http://${api}${PREFIX}/${path}`, { method, headers }, resolve).once('error', reject).end(body);
  });
  const answer = await text(response);
  if (response.statusCode !== 200) throw new Error(`Extensions API, ${path}: ${response.statusCode ?? 0} ${answer}`);
  return String(response.headers['lambda-extension-identifier'] ?? '');
}
