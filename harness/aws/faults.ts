/**
 * AWS on a bad day, on purpose: calls that fail before or after they took effect, throttling, slow and torn answers. What real services do
 * now and then, here as often as a test asks; the draw is seeded, so that a test's day is the same day.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AwsError } from './service.ts';
import type { Protocol } from './service.ts';
import type { ServerResponse } from 'node:http';

export type FaultKind =
  /** 500, nothing was done. */
  | 'internal_error'
  /** 503, nothing was done. */
  | 'unavailable'
  /** The service's own word for too many requests; nothing was done. */
  | 'throttled'
  /** The answer takes its time. */
  | 'slow'
  /** The call is carried out, and the connection ends before a byte of the answer. */
  | 'lost_answer'
  /** The connection ends in the middle of the answer. */
  | 'torn_answer';

export const FAULT_KINDS = [
  'internal_error',
  'unavailable',
  'throttled',
  'slow',
  'lost_answer',
  'torn_answer',
] as const;

export interface FaultOptions {
  /** Which share of the calls is hit, from 0 to 1. */
  readonly rate: number;
  readonly seed: number;
  /** Default: s3, dynamodb and sts. */
  readonly services?: readonly string[];
  /** Default: all. */
  readonly kinds?: readonly FaultKind[];
  /** How long a slow answer takes at most, in ms. Default 2,000. */
  readonly slowMs?: number;
}

const DEFAULT_SERVICES = ['s3', 'dynamodb', 'sts'];
const DEFAULT_SLOW_MS = 2_000;

/** [status, code] by the kind of refusal; DynamoDB throttles with 400. */
const REFUSALS: Readonly<
  Record<'internal_error' | 'unavailable' | 'throttled', Readonly<Record<Protocol, readonly [number, string]>>>
> = {
  internal_error: {
    s3: [500, 'InternalError'],
    dynamodb: [500, 'InternalServerError'],
    'rest-json': [500, 'ServiceException'],
    query: [500, 'InternalFailure'],
  },
  unavailable: {
    s3: [503, 'ServiceUnavailable'],
    dynamodb: [503, 'ServiceUnavailable'],
    'rest-json': [503, 'ServiceUnavailableException'],
    query: [503, 'ServiceUnavailable'],
  },
  throttled: {
    s3: [503, 'SlowDown'],
    dynamodb: [400, 'ProvisionedThroughputExceededException'],
    'rest-json': [429, 'TooManyRequestsException'],
    query: [400, 'Throttling'],
  },
};

/** The faults that an endpoint has in store, drawn call by call. */
export class Faults {
  readonly #options: FaultOptions;
  readonly #kinds: readonly FaultKind[];
  #state: number;
  readonly counts: Record<FaultKind, number> = {
    internal_error: 0,
    unavailable: 0,
    throttled: 0,
    slow: 0,
    lost_answer: 0,
    torn_answer: 0,
  };

  constructor(options: FaultOptions) {
    if (!(options.rate >= 0 && options.rate <= 1))
      throw new RangeError(`faults: expected a rate from 0 to 1, got ${options.rate}`);
    this.#options = options;
    this.#kinds = options.kinds ?? FAULT_KINDS;
    this.#state = options.seed | 0;
  }

  /** Lets the call meet its fault, if it is to have one. @throws {AwsError} in place of the call */
  async meet(call: { service: string; protocol: Protocol }, response: ServerResponse): Promise<void> {
    const { rate, services = DEFAULT_SERVICES, slowMs = DEFAULT_SLOW_MS } = this.#options;
    if (!services.includes(call.service) || this.#draw() >= rate) return;
    const kind = this.#kinds[Math.floor(this.#draw() * this.#kinds.length)]!;
    this.counts[kind]++;
    switch (kind) {
      case 'slow':
        await sleep(this.#draw() * slowMs);
        return;
      case 'lost_answer':
        tear(response, 0);
        return;
      case 'torn_answer':
        tear(response, 0.5);
        return;
      default: {
        const [status, code] = REFUSALS[kind][call.protocol];
        throw new AwsError(status, code, 'The local cloud was asked to fail this call. Please try again.');
      }
    }
  }

  /** Mulberry32 by T. Ettinger (public domain): uniform in [0, 1). */
  #draw(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
}

/** Ends the connection after this share of the answer's first chunk; the service does not notice. */
function tear(response: ServerResponse, share: number): void {
  const send = response.write.bind(response);
  const cut = (chunk: unknown): void => {
    const bytes =
      typeof chunk === 'string' || chunk instanceof Uint8Array ? Buffer.from(chunk as string) : Buffer.alloc(0);
    const kept = bytes.subarray(0, Math.floor(bytes.length * share));
    if (kept.length === 0) response.socket?.destroy();
    else send(kept, () => response.socket?.destroy());
  };
  response.write = (chunk: unknown) => {
    cut(chunk);
    return false;
  };
  response.end = (chunk?: unknown) => {
    cut(chunk);
    return response;
  };
}
