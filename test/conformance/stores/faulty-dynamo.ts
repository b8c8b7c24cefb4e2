/**
 * A document client whose calls go wrong as calls do: they fail before they arrive, their answer is lost, they arrive twice, or
 * a copy arrives much later, after others. And a process may die between any two calls: then it makes none any more.
 */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';

export interface Faults {
  /** Parts of all writes, 0 to 1. */
  readonly fails: number;
  readonly losesAnswer: number;
  readonly doubles: number;
  readonly arrivesLate: number;
  /** Part of all calls before which the process dies. */
  readonly dies: number;
}

export const NO_FAULTS: Faults = { fails: 0, losesAnswer: 0, doubles: 0, arrivesLate: 0, dies: 0 };

export class NetworkError extends Error {
  override readonly name = 'NetworkError';
}

/** Numbers in [0, 1) of a seed: mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Send = (command: unknown) => Promise<unknown>;

export class FaultyProcess {
  isDead = false;
  readonly client: DynamoDBDocumentClient;
  readonly #send: Send;
  readonly #faults: Faults;
  readonly #random: () => number;
  readonly #late: unknown[] = [];

  constructor(dynamo: DynamoDBDocumentClient, faults: Faults, random: () => number) {
    this.#send = (command) => dynamo.send(command as UpdateCommand);
    this.#faults = faults;
    this.#random = random;
    this.client = { send: (command: unknown) => this.#call(command) } as unknown as DynamoDBDocumentClient;
  }

  /** The copies that were held back arrive now, whatever became of their sender. */
  async deliverLate(): Promise<void> {
    for (const command of this.#late.splice(0)) await this.#send(command).catch(() => undefined);
  }

  async #call(command: unknown): Promise<unknown> {
    if (this.#random() < this.#faults.dies) this.isDead = true;
    if (this.isDead) throw new NetworkError('the process is dead');
    if (!(command instanceof UpdateCommand)) return this.#send(command);
    const is = (part: number): boolean => this.#random() < part;
    if (is(this.#faults.fails)) throw new NetworkError('the call did not arrive');
    if (is(this.#faults.arrivesLate)) this.#late.push(command);
    // As the SDK does after a network error: the first may have arrived, and the second one's answer is what counts.
    if (is(this.#faults.doubles)) await this.#send(command).catch(() => undefined);
    const answer = await this.#send(command);
    if (is(this.#faults.losesAnswer)) throw new NetworkError('the answer was lost');
    return answer;
  }
}
