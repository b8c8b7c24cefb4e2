/**
 * The account's schedule of training as one item: read, decided on (tenancy/schedule.ts), written where nobody has written meanwhile. Some
 * hundred bytes a slot and seventy a waiting tenant; a write costs a unit a KB, of the thousand a second that one key has: docs/scale.md says how far that goes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { Clock } from '../clock.ts';
import { EMPTY_SCHEDULE, decide, release } from '../tenancy/schedule.ts';
import type { Capacity, Schedule } from '../tenancy/schedule.ts';
import { written } from './collection.ts';

/** No tenant's key: the schedule is the account's. */
const KEY = { pk: 'SCHEDULE', sk: 'TRAINING' };

/** Writers that lose the race read again; after so many losses a job simply asks later. */
const ATTEMPTS = 8;
const RETRY_MS = 40;

export class Schedules {
  readonly #dynamo: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #clock: Clock;
  readonly #capacity: Capacity;

  constructor(dynamo: DynamoDBDocumentClient, table: string, options: { clock: Clock; capacity: Capacity }) {
    this.#dynamo = dynamo;
    this.#table = table;
    this.#clock = options.clock;
    this.#capacity = options.capacity;
  }

  /** Asks for a slot, or to keep it. @returns whether the job may train a segment now; asking twice is asking once */
  async ask(job: string, tenant: string): Promise<boolean> {
    let isAdmitted = false;
    await this.#change((schedule) => {
      const decision = decide(schedule, { job, tenant, nowMs: this.#clock.nowMs() }, this.#capacity);
      isAdmitted = decision.isAdmitted;
      return decision.next;
    }).then((isKept) => (isAdmitted &&= isKept));
    return isAdmitted;
  }

  /** Gives the job's slot back; giving it back twice is giving it back once. A loss of every race leaves it to the lease. */
  async release(job: string): Promise<void> {
    await this.#change((schedule) => release(schedule, job));
  }

  /** Writes what `next` makes of the schedule; it is asked again when another writer was faster. @returns whether all is as it decided */
  async #change(next: (schedule: Schedule) => Schedule | undefined): Promise<boolean> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const { version, schedule } = await this.#read();
      const changed = next(schedule);
      if (changed === undefined || (await this.#write(changed, version))) return true;
      await sleep(Math.random() * RETRY_MS * attempt);
    }
    return false;
  }

  async #read(): Promise<{ version: number; schedule: Schedule }> {
    const { Item } = await this.#dynamo.send(
      new GetCommand({ TableName: this.#table, Key: KEY, ConsistentRead: true }),
    );
    if (Item === undefined) return { version: 0, schedule: EMPTY_SCHEDULE };
    return { version: Number(Item['version']), schedule: JSON.parse(String(Item['schedule'])) as Schedule };
  }

  #write(schedule: Schedule, version: number): Promise<boolean> {
    return written(
      this.#dynamo.send(
        new PutCommand({
          TableName: this.#table,
          Item: { ...KEY, version: version + 1, schedule: JSON.stringify(schedule) },
          ConditionExpression: version === 0 ? 'attribute_not_exists(pk)' : 'version = :version',
          ...(version === 0 ? {} : { ExpressionAttributeValues: { ':version': version } }),
        }),
      ),
    );
  }
}
