/** HTTP servers of the harness: their settings, how they listen and stop, and what a taken port says. */
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/**
 * Long invocations take their time. Idle connections are kept for minutes: a client that sends on one just as it is
 * closed gets a reset, which after Node's own 5 s happens on a busy machine.
 */
export const SERVER_OPTIONS = { requestTimeout: 0, keepAliveTimeout: 120_000 } as const;

export interface HttpListener {
  readonly url: string;
  stop(): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** What is served there, for the error. */
  readonly what: string;
}

/** @throws if the port is taken, naming it. */
export async function listen(server: Server | TlsServer, { host, port, what }: ListenOptions): Promise<HttpListener> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE';
      reject(
        isTaken
          ? new Error(`${what}: port ${port} of ${host} is taken: stop what listens there, or choose another`)
          : error,
      );
    });
    server.listen(port, host, resolve);
  });
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const scheme = 'setSecureContext' in server ? 'https' : 'http';
  return { url: `${scheme}://${host}:${(server.address() as AddressInfo).port}`, stop };
}
