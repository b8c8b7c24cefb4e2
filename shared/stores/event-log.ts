/**
 * A job's events: a log that only grows, numbered without gaps, so that a reader who has seen event n misses nothing
 * however many trials write at once. An event's key names what it tells: told again after a kill, it is not written again.
 */
import type { JobEvent } from '../resources/job.ts';
import type { Collection, ListOptions, Page } from './collection.ts';

export interface EventRecord extends JobEvent {
  readonly key: string;
}

export type NewEvent = Omit<JobEvent, 'id' | 'object'>;

export const EVENT_ID = /^evt_\d{9}$/;

const READ_AT_ONCE = 1000;

export class EventLog {
  readonly #events: Collection<EventRecord>;
  #last = 0;
  #isRead = false;
  readonly #keys = new Set<string>();

  constructor(events: Collection<EventRecord>) {
    this.#events = events;
  }

  /** Writes the event behind all others, unless one of its key is there already. */
  async append(key: string, event: NewEvent): Promise<void> {
    if (!this.#isRead) await this.#readOn();
    while (!this.#keys.has(key)) {
      const id = eventId(this.#last + 1);
      if (await this.#events.create(id, { id, object: 'job.event', key, ...event })) {
        this.#last += 1;
        this.#keys.add(key);
      } else await this.#readOn();
    }
  }

  async list(options: ListOptions): Promise<Page<JobEvent>> {
    const page = await this.#events.list(options);
    return { ...page, data: page.data.map(({ key: _, ...event }) => event) };
  }

  async #readOn(): Promise<void> {
    for (let hasMore = true; hasMore;) {
      const after = this.#last === 0 ? undefined : eventId(this.#last);
      const page = await this.#events.list({ limit: READ_AT_ONCE, after, order: 'ascending' });
      for (const { key } of page.data) this.#keys.add(key);
      this.#last += page.data.length;
      hasMore = page.hasMore;
    }
    this.#isRead = true;
  }
}

function eventId(number: number): string {
  return `evt_${String(number).padStart(9, '0')}`;
}
