/** A job's events over HTTPS, as a list and as they come. */
import { describe, expect, it } from '@jest/globals';
import { useTenon } from './tenon.ts';

const tenon = useTenon();

const ROWS = Array.from({ length: 64 }, (_, i) => `${i % 8},${(i * 5) % 7},${(i % 8) + ((i * 5) % 7)}`);

const NETWORK = {
  family: 'rnn',
  task: 'forecasting',
  target: 'y',
  params: { units: 4, window: 4, horizon: 1, epochs: 40, batch_size: 8 },
};

interface Message {
  readonly id: string;
  readonly event: string;
  readonly data: { id: string; type: string; data: Record<string, unknown> };
}

/** Reads a stream to its end, or until so many events have come. */
async function listen(path: string, headers: Record<string, string> = {}, stopAfter = Infinity): Promise<Message[]> {
  const response = await fetch(tenon.cloud.apiUrl + path, {
    headers: { 'x-api-key': tenon.key('a'), accept: 'text/event-stream', ...headers },
  });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const messages: Message[] = [];
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const parts = text.split('\n\n');
    text = parts.pop()!;
    for (const part of parts) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1] ?? '';
      if (field('id') === '') continue;
      messages.push({ id: field('id'), event: field('event'), data: JSON.parse(field('data')) as Message['data'] });
      if (messages.length === stopAfter) return messages;
    }
  }
  return messages;
}

describe('the events of a job', () => {
  it('come one by one while it runs, go on where a connection broke off, and end with it', async () => {
    const dataset = await tenon.dataset({ name: 'waves', format: 'csv', csv: `a,b,y\n${ROWS.join('\n')}\n` });
    const made = await tenon.request('POST', '/v1/jobs', {
      body: { name: 'waves', dataset: dataset['id'], ...NETWORK },
    });
    const path = `/v1/jobs/${String(made.body['id'])}/events`;

    const first = await listen(path, {}, 5);
    const rest = await listen(path, { 'last-event-id': first.at(-1)!.id });
    const job = await tenon.request('GET', `/v1/jobs/${String(made.body['id'])}`);
    const list = await tenon.request('GET', `${path}?limit=100`);

    const told = [...first, ...rest];
    expect(told.map(({ data }) => data)).toEqual(list.body['data']);
    expect(told.map(({ id }) => id)).toEqual(told.map((_, i) => `evt_${String(i + 1).padStart(9, '0')}`));
    const epochs = told.filter(({ event }) => event === 'metrics').map(({ data }) => data.data['epoch']);
    expect(epochs).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(told.at(-1)).toMatchObject({ event: 'status', data: { data: { status: 'succeeded' } } });
    // Told of the end, a client finds the job ended.
    expect(job.body['status']).toBe('succeeded');
  });

  it('of a finished job come at once, and nothing comes behind the last', async () => {
    const { body } = await tenon.request('GET', '/v1/jobs?limit=1');
    const [job] = body['data'] as { id: string }[];

    const all = await listen(`/v1/jobs/${job!.id}/events`);
    const none = await listen(`/v1/jobs/${job!.id}/events`, { 'last-event-id': all.at(-1)!.id });

    expect(all).toHaveLength(42);
    expect(none).toEqual([]);
  });

  it('are refused in one piece to those who may not see them', async () => {
    const { body } = await tenon.request('GET', '/v1/jobs?limit=1');
    const [job] = body['data'] as { id: string }[];
    const path = `/v1/jobs/${job!.id}/events`;
    const headers = { accept: 'text/event-stream' };

    const stranger = await tenon.request('GET', path, { key: tenon.key('b'), headers });
    const keyless = await tenon.request('GET', path, { key: null, headers });
    const bad = await tenon.request('GET', path, { headers: { ...headers, 'last-event-id': 'x!' } });

    expect([stranger.status, keyless.status, bad.status]).toEqual([404, 401, 400]);
    expect(stranger.body).toMatchObject({ code: 'not_found' });
    expect(bad.body['detail']).toContain('Last-Event-ID: expected the id of an event');
  });
});
