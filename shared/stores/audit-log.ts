/**
 * A tenant's audit log: entries numbered without gaps, each with the hash of the one before, written once and never changed. An
 * entry's number is taken by one conditional write, so that the chain cannot fork; its hash covers what it says and all before.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { AuditEntry, AuditHead, AuditVerification } from '../resources/audit.ts';
import type { Collection, ListOptions, Page } from './collection.ts';

/** What an entry says, apart from its place in the chain. */
export type AuditFact = Pick<AuditEntry, 'actor' | 'action' | 'target' | 'outcome'> &
  Partial<Pick<AuditEntry, 'of' | 'resource'>>;

export interface AuditRecord extends AuditEntry {
  /** Of the write: tells our own entry, whose answer was lost, from another's. */
  readonly nonce: string;
}

const NOTHING_BEFORE = '0'.repeat(64);
const ID_DIGITS = 12;
const READ_AT_ONCE = 1_000;
/** Entries that one call goes through: some seconds of work. */
const VERIFIED_AT_ONCE = 10_000;
const MAX_TRIES = 200;
const DELETED_AT_ONCE = 50;
export const ERASE_ACTION = 'eraseData';

export class AuditLog {
  readonly #entries: Collection<AuditRecord>;

  constructor(entries: Collection<AuditRecord>) {
    this.#entries = entries;
  }

  /** Writes an entry behind all others. @returns its number */
  async append(fact: AuditFact, nowS: number): Promise<number> {
    const nonce = randomUUID();
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const last = (await this.#entries.list({ limit: 1, order: 'descending' })).data[0];
      const seq = (last?.seq ?? 0) + 1;
      const said = { ...fact, seq, created_at: nowS, previous: last?.hash ?? NOTHING_BEFORE };
      const entry: AuditEntry = { id: auditId(seq), object: 'audit.entry', ...said, hash: hashOf(said) };
      if (await this.#entries.create(entry.id, { ...entry, nonce })) return seq;
      if ((await this.#entries.get(entry.id))?.nonce === nonce) return seq;
    }
    throw new Error(`the audit log was written to ${MAX_TRIES} times in the same moment`);
  }

  async list(options: ListOptions): Promise<Page<AuditEntry>> {
    const page = await this.#entries.list(options);
    return { ...page, data: page.data.map(({ nonce: _, ...entry }) => entry) };
  }

  /**
   * Goes through the chain, from its beginning or from behind the head that an earlier call verified, for as many entries as one
   * call may. It begins with the first entry there ever was, or with the receipt of an erasure.
   */
  async verify(behind?: AuditHead, most = VERIFIED_AT_ONCE): Promise<AuditVerification> {
    if (behind !== undefined && (await this.#entries.get(behind.id))?.hash !== behind.hash)
      return { ...verified(0, null), valid: false, broken_at: behind.id };
    let head = behind ?? null;
    let entries = 0;
    for await (const entry of this.#behind(behind?.id)) {
      if (entries === most) return { ...verified(entries, head), has_more: true };
      if (!isNext(entry, head) || entry.hash !== hashOf(entry))
        return { ...verified(entries, head), valid: false, broken_at: entry.id };
      head = { id: entry.id, hash: entry.hash };
      entries += 1;
    }
    return verified(entries, head);
  }

  /** Removes every entry before the number, until it is due: part of an erasure, whose receipt has that number. */
  async cut(seq: number, isDue: () => boolean = () => false): Promise<{ deleted: number; isDone: boolean }> {
    for (let deleted = 0; ;) {
      const { data } = await this.#entries.list({ limit: DELETED_AT_ONCE, order: 'ascending' });
      const old = data.filter((entry) => entry.seq < seq);
      if (old.length === 0) return { deleted, isDone: true };
      if (isDue()) return { deleted, isDone: false };
      await Promise.all(old.map(({ id }) => this.#entries.delete(id)));
      deleted += old.length;
    }
  }

  async *#behind(id: string | undefined): AsyncGenerator<AuditEntry> {
    let after = id;
    for (let hasMore = true; hasMore;) {
      const page = await this.list({ limit: READ_AT_ONCE, after, order: 'ascending' });
      yield* page.data;
      after = page.data.at(-1)?.id;
      hasMore = page.hasMore;
    }
  }
}

function verified(entries: number, head: AuditHead | null): AuditVerification {
  return { object: 'audit.verification', valid: true, entries, head, has_more: false, broken_at: null };
}

/** Whether an entry stands where it belongs: behind the head, or at the beginning of a log. Its id is made of its number. */
function isNext(entry: AuditEntry, head: AuditHead | null): boolean {
  if (entry.id !== auditId(entry.seq)) return false;
  if (head !== null) return entry.id === auditId(numberOf(head.id) + 1) && entry.previous === head.hash;
  return (entry.seq === 1 && entry.previous === NOTHING_BEFORE) || entry.action === ERASE_ACTION;
}

function numberOf(id: string): number {
  return Number(id.slice('aud_'.length));
}

/** SHA-256 over everything that an entry says, in a fixed order. */
function hashOf(entry: Omit<AuditEntry, 'id' | 'object' | 'hash'>): string {
  const { seq, previous, created_at: at, actor, action, target, outcome, of = null, resource = null } = entry;
  const text = JSON.stringify([seq, previous, at, actor, action, target, outcome, of, resource]);
  return createHash('sha256').update(text).digest('hex');
}

export function auditId(seq: number): string {
  return `aud_${String(seq).padStart(ID_DIGITS, '0')}`;
}
