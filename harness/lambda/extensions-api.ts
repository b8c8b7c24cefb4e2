/**
 * The Extensions API of one execution environment, for extensions that run in the runtime's own process ("internal" ones). They hear of
 * every invocation, and the invocation lasts until each of them has asked for the next event.
 * Source: AWS Lambda developer guide, "Using the Lambda Extensions API" (version 2020-01-01); refusals as AWS's runtime interface emulator words them.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

const PATH = /^\/2020-01-01\/extension\/(register|event\/next|init\/error|exit\/error)$/;
const MAX_EXTENSIONS = 10;

export interface ExtendedFunction {
  readonly functionName: string;
  readonly functionVersion: string;
  readonly handler: string;
}

/** What an extension is told of an invocation. */
export interface InvokeEvent {
  readonly requestId: string;
  readonly deadlineMs: number;
  readonly invokedFunctionArn: string;
  readonly traceId: string;
}

interface Extension {
  readonly name: string;
  readonly hearsInvocations: boolean;
  /** Its request for the next event, while it waits. */
  waiting: ServerResponse | undefined;
  hasAsked: boolean;
}

interface Reply {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export class ExtensionsApi {
  readonly #function: ExtendedFunction;
  readonly #onWaiting: () => void;
  readonly #extensions = new Map<string, Extension>();
  #isOpen = true;

  /** @param onWaiting told when an extension asks for its next event */
  constructor(extended: ExtendedFunction, onWaiting: () => void) {
    this.#function = extended;
    this.#onWaiting = onWaiting;
  }

  static serves(url: string): boolean {
    return PATH.test(url);
  }

  get isUsed(): boolean {
    return this.#extensions.size > 0;
  }

  /** Whether none has anything left to do. */
  get areWaiting(): boolean {
    return [...this.#extensions.values()].every(
      ({ hasAsked, hearsInvocations, waiting }) => hasAsked && (waiting !== undefined || !hearsInvocations),
    );
  }

  /** The runtime has asked for its first invocation: whoever comes now is too late. */
  close(): void {
    this.#isOpen = false;
  }

  /** Tells all that wait of an invocation. */
  announce({ requestId, deadlineMs, invokedFunctionArn, traceId }: InvokeEvent): void {
    const tracing = { type: 'X-Amzn-Trace-Id', value: traceId };
    const event = { eventType: 'INVOKE', deadlineMs, requestId, invokedFunctionArn, tracing };
    for (const extension of this.#extensions.values()) {
      if (extension.waiting === undefined || !extension.hearsInvocations) continue;
      const headers = { 'Lambda-Extension-Event-Identifier': randomUUID() };
      answer(extension.waiting, { status: 200, body: event, headers });
      extension.waiting = undefined;
    }
  }

  async serve(http: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, operation = ''] = PATH.exec(http.url ?? '') ?? [];
    const body = (await buffer(http)).toString();
    const header = (name: string): string => String(http.headers[name] ?? '');
    if (operation === 'register') {
      answer(response, this.#register(header('lambda-extension-name'), body));
      return;
    }
    const id = header('lambda-extension-identifier');
    const extension = this.#extensions.get(id);
    if (extension === undefined)
      answer(response, refusal('Extension.UnknownExtensionIdentifier', `Unknown extension ${id}`));
    else if (operation !== 'event/next') answer(response, { status: 202, body: { status: 'OK' } });
    else if (extension.waiting !== undefined)
      answer(response, refusal('Extension.InvalidExtensionState', `${extension.name} waits for an event already`));
    else {
      extension.waiting = response;
      extension.hasAsked = true;
      this.#onWaiting();
    }
  }

  #register(name: string, body: string): Reply {
    if (name === '') return refusal('Extension.InvalidExtensionName', 'Empty extension name');
    const events = eventsOf(body);
    if (events === undefined) return refusal('InvalidRequestFormat', 'expected {"events": [...]}');
    const other = events.find((event) => event !== 'INVOKE');
    if (other === 'SHUTDOWN')
      return refusal('Extension.InvalidEventType', 'SHUTDOWN: ShutdownEventNotSupportedForInternalExtension');
    if (other !== undefined)
      return refusal('Extension.InvalidEventType', `${JSON.stringify(other)}: ErrorInvalidEventType`);
    if (!this.#isOpen) return refusal('Extension.RegistrationClosed', 'Extension registration closed already');
    if ([...this.#extensions.values()].some((extension) => extension.name === name))
      return refusal('Extension.InvalidExtensionState', 'Extension with this name already registered');
    if (this.#extensions.size >= MAX_EXTENSIONS)
      return refusal('Extension.TooManyExtensions', `Extension limit (${MAX_EXTENSIONS}) reached`);
    const id = randomUUID();
    const hearsInvocations = events.includes('INVOKE');
    this.#extensions.set(id, { name, hearsInvocations, waiting: undefined, hasAsked: false });
    return { status: 200, body: this.#function, headers: { 'Lambda-Extension-Identifier': id } };
  }
}

function eventsOf(body: string): readonly unknown[] | undefined {
  try {
    const { events = [] } = JSON.parse(body) as { events?: unknown };
    return Array.isArray(events) ? events : undefined;
  } catch {
    return undefined;
  }
}

function answer(response: ServerResponse, { status, body, headers = {} }: Reply): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function refusal(errorType: string, errorMessage: string): Reply {
  return { status: 403, body: { errorType, errorMessage } };
}
