/** The operations of the events function, whose answers may be streams: server-sent events, or one list of them. */
import type { ROUTES } from '../../contract.ts';
import { ServiceError } from '../../errors.ts';
import type { Catalog } from '../../stores/catalog.ts';
import { EVENT_ID } from '../../stores/event-log.ts';
import { ID_PATTERNS } from '../../tenancy/ids.ts';
import { listOf, notFound, tenantOf } from '../context.ts';
import type { Operations } from '../operation.ts';
import { eventStream } from './stream.ts';
import type { StreamTiming } from './stream.ts';

export type EventsOperation = Extract<(typeof ROUTES)[number], { function: 'events' }>['operation'];

export interface EventsContext {
  readonly stores: (tenantId: string) => { readonly catalog: Catalog };
  readonly timing: StreamTiming;
}

const EVENT_STREAM = 'text/event-stream';

export function eventsOperations(context: EventsContext): Operations<EventsOperation> {
  return {
    async listJobEvents({ caller, params, query, accept, lastEventId }) {
      const { catalog } = tenantOf(context, caller);
      const id = params['id'] ?? '';
      if (!ID_PATTERNS.job.test(id) || (await catalog.jobs.get(id)) === undefined) throw notFound('job', id);
      const log = catalog.events(id);
      const isStream = accept.includes(EVENT_STREAM);
      // A stream that is taken up again goes on behind the last event that arrived, whatever its address says.
      const after = isStream ? (lastEventId ?? query.after) : query.after;
      if (isStream && lastEventId !== undefined && !EVENT_ID.test(lastEventId)) throw notAnEvent(lastEventId);
      const body = await listOf(
        log,
        { ...query, after },
        { order: 'ascending', ids: EVENT_ID, idOf: (event) => event.id, show: (event) => event },
      );
      if (!isStream) return { body };
      const stream = eventStream({ log, job: () => catalog.jobs.get(id), after, timing: context.timing });
      return { body, stream, headers: { 'content-type': `${EVENT_STREAM}; charset=utf-8` } };
    },
  };
}

function notAnEvent(lastEventId: string): ServiceError {
  const message = `Last-Event-ID: expected the id of an event, such as evt_000000012, got "${lastEventId.slice(0, 60)}"`;
  return new ServiceError('invalid_request', message);
}
