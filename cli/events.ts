/**
 * A job's events as they come: server-sent events, taken up again where a connection breaks off.
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import { ConnectionError } from './client.ts';
import type { ApiClient } from './client.ts';
import { isFinished } from './resources.ts';
import type { Job, JobEvent } from './resources.ts';

const RECONNECT_MS = 1000;
/** So many connections in a row that bring nothing, and the service counts as gone. */
const TRIES = 5;

/** The events behind `after` (all, without it) until the one that ends the job. @throws {ConnectionError} where the service stays away */
export async function* eventsOf(api: ApiClient, id: string, after?: string): AsyncGenerator<JobEvent, void, undefined> {
  let last = after;
  for (let failures = 0; ;) {
    try {
      for await (const event of connection(api, id, last)) {
        failures = 0;
        last = event.id;
        yield event;
        if (isEnd(event)) return;
      }
      // A stream ends when the gateway's time is over, too. What came between the two is all that is left.
      if (isFinished(await api.call<Job>('getJob', { params: { id } }))) {
        yield* connection(api, id, last);
        return;
      }
    } catch (error) {
      if (!isBroken(error) || ++failures >= TRIES) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

async function* connection(api: ApiClient, id: string, after: string | undefined): AsyncGenerator<JobEvent> {
  const response = await api.send('listJobEvents', {
    params: { id },
    headers: { accept: 'text/event-stream', ...(after === undefined ? {} : { 'last-event-id': after }) },
  });
  for await (const data of messages(response.body!.pipeThrough(new TextDecoderStream())))
    yield JSON.parse(data) as JobEvent;
}

/** The data of each message; comments, ids and names of events are passed over. Lines end in LF, CR or both. */
export async function* messages(chunks: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  let buffered = '';
  let data: string[] = [];
  for await (const chunk of chunks) {
    buffered += chunk;
    // A CR at the very end may be the first half of a CRLF.
    const lines = buffered.split(/\r\n|\n|\r(?!$)/);
    buffered = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield data.join('\n');
        data = [];
      } else if (line.startsWith('data:')) data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
    }
  }
}

function isEnd({ type, data }: JobEvent): boolean {
  const status = data?.['status'];
  return type === 'status' && (status === 'succeeded' || status === 'failed' || status === 'cancelled');
}

/** fetch says `terminated` or `fetch failed`, as TypeErrors, where a connection goes. */
function isBroken(error: unknown): boolean {
  return error instanceof ConnectionError || error instanceof TypeError;
}
