/**
 * HTTP as an attacker sends it: paths and headers go out as they are written (fetch would tidy them), and raw bytes over a
 * socket where no HTTP client would send them. An answer that does not come in time is an answer too: a hang.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface HttpRequest {
  readonly method: string;
  /** From the root of the API, percent-encoded; or a whole URL (of storage). */
  readonly path: string;
  /** Null sends no key. */
  readonly key: string | null;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
}

export interface RawRequest {
  /** Everything that goes over the socket; `{host}`, `{path}` (of the API's root) are filled in. */
  readonly raw: string;
}

export interface Answer {
  /** 0: none came. Of several answers on one socket, the highest. */
  readonly status: number;
  /** Status lines and headers as text, and the body. */
  readonly head: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Why no answer came. */
  readonly failure?: 'hang' | 'closed';
}

const RATE_RETRIES = 30;
const MAX_WAIT_S = 5;
const QUIET_MS = 500;

export class Wire {
  readonly #base: URL;
  readonly #hangMs: number;
  readonly #agents = { http: new http.Agent({ keepAlive: true }), https: new https.Agent({ keepAlive: true }) };

  constructor(url: string, hangMs: number) {
    this.#base = new URL(url);
    this.#hangMs = hangMs;
  }

  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  /** Sends the request; one that only met the rate limit is sent again, for it has attacked nothing. */
  async send(request: HttpRequest | RawRequest): Promise<Answer> {
    if ('raw' in request) return this.#sendRaw(request.raw);
    for (let retry = 0; ; retry++) {
      const answer = await this.#sendHttp(request);
      const waitS = Number(answer.headers['retry-after'] ?? 'NaN');
      const isLimited = answer.status === 429 && answer.body.includes('rate_limited');
      if (!isLimited || !(waitS <= MAX_WAIT_S) || retry === RATE_RETRIES) return answer;
      await new Promise((resolve) => setTimeout(resolve, waitS * 1000));
    }
  }

  /** The JSON that a well-meant call answers. @throws {Error} with the answer, where it is not 2xx */
  async json<T>(key: string, method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.send({ method, path, key, ...(body === undefined ? {} : jsonBody(body)) });
    if (answer.status >= 200 && answer.status < 300) return JSON.parse(answer.body) as T;
    throw new Error(`${method} ${path}: ${answer.status} ${answer.body.slice(0, 500)}`);
  }

  #sendHttp({ method, path, key, headers, body }: HttpRequest): Promise<Answer> {
    const isWhole = /^https?:/.test(path);
    const { protocol, hostname, port, pathname } = isWhole ? new URL(path) : this.#base;
    const isTls = protocol === 'https:';
    return new Promise((resolve) => {
      const request = (isTls ? https : http).request({
        hostname,
        port,
        method,
        path: isWhole ? path.replace(/^https?:\/\/[^/]+/, '') : pathname.replace(/\/$/, '') + path,
        agent: isTls ? this.#agents.https : this.#agents.http,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
          ...(headers as http.OutgoingHttpHeaders | undefined),
        },
      });
      const timer = setTimeout(() => {
        resolve(none('hang'));
        request.destroy();
      }, this.#hangMs);
      const settle = (answer: Answer): void => {
        clearTimeout(timer);
        resolve(answer);
      };
      request.on('response', (response) => void read(response).then(settle, () => settle(none('closed'))));
      request.on('error', () => settle(none('closed')));
      request.end(body);
    });
  }

  #sendRaw(template: string): Promise<Answer> {
    const { protocol, hostname, port, pathname } = this.#base;
    const isTls = protocol === 'https:';
    const at = { host: hostname, port: Number(port === '' ? (isTls ? 443 : 80) : port) };
    const text = template.replaceAll('{host}', this.#base.host).replaceAll('{path}', pathname.replace(/\/$/, ''));
    return new Promise((resolve) => {
      const socket = isTls ? connectTls({ ...at, servername: hostname }) : connect(at);
      const chunks: Buffer[] = [];
      let quiet: NodeJS.Timeout | undefined;
      const settle = (failure: 'hang' | 'closed'): void => {
        clearTimeout(timer);
        clearTimeout(quiet);
        resolve(rawAnswer(Buffer.concat(chunks).toString('latin1'), failure));
        socket.destroy();
      };
      const timer = setTimeout(() => settle('hang'), this.#hangMs);
      // The service may keep the connection: what has not come a moment after an answer does not come.
      socket.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        clearTimeout(quiet);
        quiet = setTimeout(() => settle('closed'), QUIET_MS);
      });
      socket.on('error', () => settle('closed'));
      socket.on('close', () => settle('closed'));
      socket.write(text, 'latin1');
    });
  }
}

export function jsonBody(value: unknown): { headers: Record<string, string>; body: string } {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

function none(failure: 'hang' | 'closed'): Answer {
  return { status: 0, head: '', body: '', headers: {}, failure };
}

async function read(response: http.IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const headers = Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(', ')]),
  );
  return {
    status: response.statusCode ?? 0,
    head: response.rawHeaders.join('\n'),
    body: Buffer.concat(chunks).toString('utf8'),
    headers,
  };
}

/** What came over the socket until it was closed: perhaps several answers. */
function rawAnswer(text: string, failure: 'hang' | 'closed'): Answer {
  const statuses = [...text.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => Number(status));
  if (statuses.length === 0) return { ...none(failure), body: text };
  return { status: Math.max(...statuses), head: text, body: '', headers: {} };
}
