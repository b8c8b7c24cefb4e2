/**
 * The client of the HTTPS API: operations by their name in the route table, problems as errors, lists page by page, waiting.
 * The command line, the demo and tests speak through it. It knows the contract's routes and nothing else of the service.
 */
import { ROUTES } from '../shared/contract.ts';
import type { OperationId, Route } from '../shared/contract.ts';
import type { Page, Problem } from './resources.ts';

/** An answer that is a problem (RFC 9457). */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(problem.detail ?? `the service answered ${status}`);
    this.name = 'ApiError';
    this.status = status;
    this.problem = problem;
  }
}

/** The service was not reached. */
export class ConnectionError extends Error {}

export interface CallOptions {
  /** Of the path, by name. */
  readonly params?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export class ApiClient {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.#url = url.replace(/\/+$/, '');
    this.#key = key;
  }

  /** @throws {ApiError} for any status that is no success, {ConnectionError} where nothing answers */
  async send(operation: OperationId, options: CallOptions = {}): Promise<Response> {
    const { method, path } = routeOf(operation);
    const url = this.#url + pathOf(path, options.params) + queryOf(options.query);
    const { body } = options;
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${this.#key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...options.headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw new ConnectionError(`cannot reach ${this.#url}: ${reasonOf(error)}`, { cause: error });
    }
    if (!response.ok) throw new ApiError(response.status, problemOf(await response.text(), response.status));
    return response;
  }

  async call<T>(operation: OperationId, options: CallOptions = {}): Promise<T> {
    const response = await this.send(operation, options);
    return (await response.json()) as T;
  }

  /** The items of a list, page by page, at most `limit`. */
  async list<T extends object>(
    operation: OperationId,
    limit: number,
    options: Pick<CallOptions, 'params' | 'query'> = {},
  ): Promise<Page<T>> {
    const data: T[] = [];
    for (let after: string | undefined; ;) {
      const query = { ...options.query, limit: Math.min(100, limit - data.length), after };
      const page = await this.call<Page<T>>(operation, { ...options, query });
      data.push(...page.data);
      after = page.last_id ?? undefined;
      if (!page.has_more || after === undefined || data.length >= limit) return { ...page, data };
    }
  }

  /** Asks again every quarter of a second until it is done. */
  async until<T>(ask: () => Promise<T>, isDone: (value: T) => boolean): Promise<T> {
    for (;;) {
      const value = await ask();
      if (isDone(value)) return value;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

export function routeOf(operation: string): Route {
  const route = ROUTES.find((known) => known.operation === operation);
  if (route === undefined) throw new RangeError(`there is no operation "${operation}"`);
  return route;
}

/** The path with its parameters filled in. @throws {RangeError} for a parameter that is missing */
export function pathOf(path: string, params: CallOptions['params'] = {}): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined || value === '') throw new RangeError(`${path}: "${name}" is missing`);
    return encodeURIComponent(value).replaceAll('%40', '@').replaceAll('%3A', ':');
  });
}

function queryOf(query: CallOptions['query'] = {}): string {
  const said = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return said.length === 0 ? '' : `?${new URLSearchParams(said).toString()}`;
}

/** The body of an error, whatever answered: the service, its gateway, or something between. */
function problemOf(text: string, status: number): Problem {
  try {
    const body = JSON.parse(text) as Problem & { message?: string; error?: unknown };
    const detail = body.detail ?? body.message ?? (typeof body.error === 'string' ? body.error : undefined);
    return detail === undefined ? { ...body, detail: text } : { ...body, detail };
  } catch {
    return { detail: `the answer, status ${status}, is not of this service: ${text.slice(0, 200)}` };
  }
}

/** `fetch failed` hides why. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
}
