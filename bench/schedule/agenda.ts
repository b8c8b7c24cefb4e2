/** Events of virtual time. */

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
}

/** Events by time, those of one time in the order they were made: a binary heap. */
export class Agenda {
  readonly #events: Event[] = [];
  #made = 0;

  add(atMs: number, act: () => void): void {
    const events = this.#events;
    events.push({ atMs, order: this.#made++, act });
    for (let i = events.length - 1; i > 0;) {
      const parent = (i - 1) >> 1;
      if (!isSooner(events[i]!, events[parent]!)) break;
      [events[i], events[parent]] = [events[parent]!, events[i]!];
      i = parent;
    }
  }

  next(): Event | undefined {
    const events = this.#events;
    const [first] = events;
    const last = events.pop();
    if (last === undefined || first === undefined || events.length === 0) return first;
    events[0] = last;
    for (let i = 0; ;) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      let soonest = i;
      if (left < events.length && isSooner(events[left]!, events[soonest]!)) soonest = left;
      if (right < events.length && isSooner(events[right]!, events[soonest]!)) soonest = right;
      if (soonest === i) return first;
      [events[i], events[soonest]] = [events[soonest]!, events[i]!];
      i = soonest;
    }
  }
}

const isSooner = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
