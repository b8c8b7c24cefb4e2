/**
 * Changes, written down: that one was started, before anything is changed, and how it ended, before it is answered. A change
 * whose request died midway has the first entry only.
 */
import type { Clock } from '../clock.ts';
import { epochS } from '../clock.ts';
import type { Route } from '../contract.ts';
import { auditId } from '../stores/audit-log.ts';
import type { AuditFact, AuditLog } from '../stores/audit-log.ts';
import type { Caller } from '../tenancy/tenant.ts';
import { toServiceError } from './problem.ts';

export interface Audit {
  readonly log: AuditLog;
  readonly clock: Clock;
}

/** Operations that are no GET and change nothing. */
const READING = /^(estimate|lint|predict|explain)/;

/** Carries out a request; what may change something is written down. */
export async function audited<T extends { readonly body?: unknown }>(
  audit: Audit | undefined,
  request: {
    readonly route: Route;
    readonly params: Readonly<Record<string, string>>;
    readonly caller: Caller | undefined;
  },
  run: () => Promise<T>,
): Promise<T> {
  const { route, params, caller } = request;
  if (audit === undefined || caller === undefined || route.method === 'GET' || READING.test(route.operation))
    return run();
  const target = `${route.method} ${route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '')}`;
  const fact = { actor: caller.keyId, action: route.operation, target: target.slice(0, 300) };
  const write = (outcome: string, more: Partial<AuditFact> = {}): Promise<number> =>
    audit.log.append({ ...fact, outcome, ...more }, epochS(audit.clock));
  const of = auditId(await write('started'));
  try {
    const reply = await run();
    const id = (reply.body as { id?: unknown } | null | undefined)?.id;
    await write('succeeded', { of, ...(typeof id === 'string' ? { resource: id } : {}) });
    return reply;
  } catch (error) {
    await write(toServiceError(error).code, { of });
    throw error;
  }
}
