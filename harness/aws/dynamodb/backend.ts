/**
 * dynalite in this process, on disk. It listens on a private socket (a named pipe on Windows) and not on a port, so that
 * nothing gets past the front's signatures and policies.
 */
import dynalite from 'dynalite';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';

export interface DynamoAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface DynamoBackend {
  /** Sends an operation's JSON text and gives the answer as it came. */
  send(operation: string, body: Buffer | string): Promise<DynamoAnswer>;
  /** The same for the harness itself; an error answer throws `DynamoCallError`. */
  call<T>(operation: string, input: object): Promise<T>;
  stop(): Promise<void>;
}

/** An error answer of dynalite to the harness itself. */
export class DynamoCallError extends Error {
  readonly code: string;

  constructor(operation: string, answer: DynamoAnswer) {
    const { __type = '', message = '' } = JSON.parse(answer.body.toString()) as { __type?: string; message?: string };
    super(`dynamodb ${operation}: ${__type} ${message}`);
    this.code = __type.split('#').at(-1) ?? '';
  }
}

/** Opens the tables under `dir`. Only one process may have them open. */
export async function startDynamoBackend(options: {
  dir: string;
  accountId: string;
  region: string;
}): Promise<DynamoBackend> {
  mkdirSync(options.dir, { recursive: true });
  const server = withEnvironment({ AWS_ACCOUNT_ID: options.accountId, AWS_REGION: options.region }, () =>
    dynalite({ path: options.dir, createTableMs: 50, deleteTableMs: 50, updateTableMs: 50 }),
  );
  // Else it hangs up on connections that were idle for 5 s, perhaps in the moment when one is used again.
  server.keepAliveTimeout = 0;
  const socketDir = mkdtempSync(join(tmpdir(), 'dynamo-'));
  const socketPath = process.platform === 'win32' ? `\\\\.\\pipe\\dynamo-${randomUUID()}` : join(socketDir, 'socket');
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const running = new Set<Promise<unknown>>();
  const send: DynamoBackend['send'] = (operation, body) => {
    const sent = sendTo({ socketPath, agent }, operation, body);
    const done = sent.catch(() => undefined).finally(() => running.delete(done));
    running.add(done);
    return sent;
  };
  return {
    send,
    async call<T>(operation: string, input: object) {
      const answer = await send(operation, JSON.stringify(input));
      if (answer.status !== 200) throw new DynamoCallError(operation, answer);
      return JSON.parse(answer.body.toString()) as T;
    },
    async stop() {
      // dynalite throws past every handler when its store closes under an operation.
      await Promise.all(running);
      agent.destroy();
      await new Promise<void>((resolve, reject) => server.close((error) => (error ? reject(error) : resolve())));
      rmSync(socketDir, { recursive: true, force: true });
    },
  };
}

/** dynalite takes the account and region of its ARNs from the environment, once, when it is made. */
function withEnvironment<T>(values: Record<string, string>, run: () => T): T {
  const before = Object.fromEntries(Object.keys(values).map((name) => [name, process.env[name]]));
  Object.assign(process.env, values);
  try {
    return run();
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  }
}

function sendTo(
  to: { socketPath: string; agent: Agent },
  operation: string,
  body: Buffer | string,
): Promise<DynamoAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        ...to,
        method: 'POST',
        path: '/',
        headers: {
          'content-type': 'application/x-amz-json-1.0',
          'content-length': Buffer.byteLength(body),
          'x-amz-target': `DynamoDB_20120810.${operation}`,
          // dynalite wants a signature to be there and does not look at it.
          authorization:
            'AWS4-HMAC-SHA256 Credential=a/20000101/r/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
          'x-amz-date': '20000101T000000Z',
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const kept = ['content-type', 'x-amz-crc32'].flatMap((name) => {
            const value = incoming.headers[name];
            return typeof value === 'string' ? [[name, value] as const] : [];
          });
          resolve({
            status: incoming.statusCode ?? 500,
            headers: Object.fromEntries(kept),
            body: Buffer.concat(chunks),
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
