/**
 * What a tenant has used of its limits. Every acquisition is one conditional write on one item (no transactions), so that a
 * limit cannot be overspent however many callers race. Patterns: GCRA for the rate, ADD with a room condition for monthly
 * counts, a set of ids for jobs at once.
 */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Clock } from '../clock.ts';
import { TENANT_PK_PREFIX } from '../contract.ts';
import type { Limits } from '../tenancy/plan.ts';
import { written } from './collection.ts';

export type MonthlyCount = 'predictions' | 'training_seconds';

/** What one request or job adds to a day's usage. */
export interface UsageDelta {
  readonly requests?: number;
  readonly predictions?: number;
  readonly training_gb_seconds?: number;
  readonly usd?: number;
}

export interface UsageItem extends Required<UsageDelta> {
  /** YYYY-MM-DD, UTC */
  readonly day: string;
  readonly model: string;
  readonly key: string;
}

/** What the rate limit said to one request. */
export interface RateState {
  readonly isAdmitted: boolean;
  /** How many more would be admitted right now. */
  readonly remaining: number;
  readonly retryAfterS: number;
}

interface Update {
  readonly expression: string;
  readonly condition?: string;
  readonly values: Record<string, unknown>;
  readonly names?: Record<string, string>;
}

export class Quotas {
  readonly #dynamo: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #pk: string;
  readonly #clock: Clock;

  constructor(dynamo: DynamoDBDocumentClient, table: string, options: { tenantId: string; clock: Clock }) {
    this.#dynamo = dynamo;
    this.#table = table;
    this.#pk = TENANT_PK_PREFIX + options.tenantId;
    this.#clock = options.clock;
  }

  /**
   * Takes one request under the generic cell rate algorithm: `tat`, the theoretical arrival time of the next request in
   * microseconds, may run ahead of now by the burst.
   */
  async takeRequest(limits: Limits): Promise<RateState> {
    const nowUs = this.#clock.nowMs() * 1000;
    const intervalUs = Math.ceil(1e6 / limits.requests_per_second);
    const burstUs = intervalUs * limits.burst;
    const state = (isAdmitted: boolean, tatUs: number): RateState => ({
      isAdmitted,
      remaining: Math.max(0, Math.floor((nowUs + burstUs - tatUs) / intervalUs) + 1),
      retryAfterS: Math.max(1, Math.ceil(intervalUs / 1e6)),
    });
    const busy: Update = {
      expression: 'SET tat = tat + :interval',
      condition: 'tat > :now AND tat <= :horizon',
      values: { ':interval': intervalUs, ':now': nowUs, ':horizon': nowUs + burstUs },
    };
    const idle: Update = {
      expression: 'SET tat = :next',
      condition: 'attribute_not_exists(tat) OR tat <= :now',
      values: { ':next': nowUs + intervalUs, ':now': nowUs },
    };
    // Between the first two another request may have ended the idleness: then there may be room behind it.
    for (const update of [busy, idle, busy]) {
      const updated = await this.#update('RATE', update);
      if (updated) return state(true, Number(updated['tat']));
    }
    return { ...state(false, Infinity), remaining: 0 };
  }

  /** Takes `n` units of a monthly count if that many are left. @returns whether they were */
  async take(count: MonthlyCount, n: number, limit: number): Promise<boolean> {
    if (n > limit) return false;
    const taken = await this.#update(this.#month(count), {
      expression: 'ADD used :n',
      condition: 'attribute_not_exists(used) OR used <= :room',
      values: { ':n': n, ':room': limit - n },
    });
    return taken !== undefined;
  }

  /** Gives back units that were taken and not served. */
  async giveBack(count: MonthlyCount, n: number): Promise<void> {
    await this.#update(this.#month(count), { expression: 'ADD used :n', values: { ':n': -n } });
  }

  /** Adds a job's training seconds to the month, once however often it is called. */
  async settleTraining(jobId: string, seconds: number): Promise<void> {
    await this.#update(this.#month('training_seconds'), {
      expression: 'ADD used :n, settled :job',
      condition: 'attribute_not_exists(settled) OR NOT contains(settled, :id)',
      values: { ':n': seconds, ':job': new Set([jobId]), ':id': jobId },
    });
  }

  async used(count: MonthlyCount): Promise<number> {
    const { Item } = await this.#dynamo.send(
      new GetCommand({ TableName: this.#table, Key: { pk: this.#pk, sk: this.#month(count) } }),
    );
    return Number(Item?.['used'] ?? 0);
  }

  /** Takes a slot for a running job; taking it twice is taking it once. @returns whether there was one */
  async acquireJob(jobId: string, max: number): Promise<boolean> {
    const acquired = await this.#update('JOBS', {
      expression: 'ADD running :job',
      condition: 'attribute_not_exists(running) OR contains(running, :id) OR size(running) < :max',
      values: { ':job': new Set([jobId]), ':id': jobId, ':max': max },
    });
    return acquired !== undefined;
  }

  /** Gives the slot back; giving it back twice is giving it back once. */
  async releaseJob(jobId: string): Promise<void> {
    await this.#update('JOBS', { expression: 'DELETE running :job', values: { ':job': new Set([jobId]) } });
  }

  async runningJobs(): Promise<readonly string[]> {
    const { Item } = await this.#dynamo.send(
      new GetCommand({ TableName: this.#table, Key: { pk: this.#pk, sk: 'JOBS' }, ConsistentRead: true }),
    );
    return Item?.['running'] instanceof Set ? [...(Item['running'] as Set<string>)] : [];
  }

  async storedBytes(): Promise<number> {
    const { Item } = await this.#dynamo.send(
      new GetCommand({ TableName: this.#table, Key: { pk: this.#pk, sk: 'STORED' } }),
    );
    return Number(Item?.['used'] ?? 0);
  }

  /** Counts bytes that were stored, or with a negative number given up. */
  async addStoredBytes(bytes: number): Promise<void> {
    await this.#update('STORED', { expression: 'ADD used :n', values: { ':n': bytes } });
  }

  /** How many requests the rate limit counts at this moment. */
  async requestsInFlight(limits: Limits): Promise<number> {
    const { Item } = await this.#dynamo.send(
      new GetCommand({ TableName: this.#table, Key: { pk: this.#pk, sk: 'RATE' } }),
    );
    const aheadUs = Number(Item?.['tat'] ?? 0) - this.#clock.nowMs() * 1000;
    return Math.max(0, Math.ceil((aheadUs * limits.requests_per_second) / 1e6));
  }

  /** Adds to the day's usage of a model and key. */
  async recordUsage(by: { model: string; key: string }, delta: UsageDelta): Promise<void> {
    const entries = Object.entries(delta).filter(([, value]) => value !== 0);
    if (entries.length === 0) return;
    const names = ['day', 'model', 'key', ...entries.map(([name]) => name)];
    await this.#update(`${this.#usagePrefix(this.#day())}#${by.model}#${by.key}`, {
      expression: `SET #day = :day, #model = :model, #key = :key ADD ${entries.map(([name]) => `#${name} :${name}`).join(', ')}`,
      values: {
        ':day': this.#day(),
        ':model': by.model,
        ':key': by.key,
        ...Object.fromEntries(entries.map(([n, v]) => [`:${n}`, v])),
      },
      names: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    });
  }

  /** Sets the usage of one job under its own item, so that settling it again changes nothing. */
  async recordJob(job: { id: string; day: string; model: string; key: string }, delta: UsageDelta): Promise<void> {
    const fields = { day: job.day, model: job.model, key: job.key, ...delta };
    await this.#update(`${this.#usagePrefix(job.day)}#${job.model}#${job.key}#${job.id}`, {
      expression: `SET ${Object.keys(fields)
        .map((name) => `#${name} = :${name}`)
        .join(', ')}`,
      values: Object.fromEntries(Object.entries(fields).map(([name, value]) => [`:${name}`, value])),
      names: Object.fromEntries(Object.keys(fields).map((name) => [`#${name}`, name])),
    });
  }

  /** Usage of the days `from` to `to` (YYYY-MM-DD, both included), one item per day, model and key. */
  async usage(from: string, to: string): Promise<readonly UsageItem[]> {
    const items: UsageItem[] = [];
    for (let start: Record<string, unknown> | undefined, done = false; !done; done = start === undefined) {
      const { Items = [], LastEvaluatedKey } = await this.#dynamo.send(
        new QueryCommand({
          TableName: this.#table,
          KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
          ExpressionAttributeValues: {
            ':pk': this.#pk,
            ':from': this.#usagePrefix(from),
            ':to': `${this.#usagePrefix(to)}\u{10FFFF}`,
          },
          ExclusiveStartKey: start,
        }),
      );
      items.push(...Items.map(toUsageItem));
      start = LastEvaluatedKey;
    }
    return items;
  }

  #day(): string {
    return new Date(this.#clock.nowMs()).toISOString().slice(0, 10);
  }

  #month(count: MonthlyCount): string {
    return `MONTH#${this.#day().slice(0, 7)}#${count}`;
  }

  #usagePrefix(day: string): string {
    return `USAGE#${day}`;
  }

  /** One conditional write. @returns the updated attributes, or undefined when the condition did not hold */
  async #update(sk: string, update: Update): Promise<Record<string, unknown> | undefined> {
    let attributes: Record<string, unknown> = {};
    const isWritten = await written(
      this.#dynamo
        .send(
          new UpdateCommand({
            TableName: this.#table,
            Key: { pk: this.#pk, sk },
            UpdateExpression: update.expression,
            ConditionExpression: update.condition,
            ExpressionAttributeValues: update.values,
            ExpressionAttributeNames: update.names,
            ReturnValues: 'UPDATED_NEW',
          }),
        )
        .then(({ Attributes }) => (attributes = Attributes ?? {})),
    );
    return isWritten ? attributes : undefined;
  }
}

function toUsageItem(item: Record<string, unknown>): UsageItem {
  const count = (name: string): number => Number(item[name] ?? 0);
  return {
    day: String(item['day']),
    model: String(item['model']),
    key: String(item['key']),
    requests: count('requests'),
    predictions: count('predictions'),
    training_gb_seconds: count('training_gb_seconds'),
    usd: count('usd'),
  };
}
