/** The queue of asynchronous invocations, on disk. */
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { AsyncQueue } from '../../../harness/lambda/async-queue.ts';
import type { DeliveryResult, QueuedEvent } from '../../../harness/lambda/async-queue.ts';

/** A queue that answers deliveries with `results` in turn, and a promise of its end. */
function queue(
  directory: string,
  results: DeliveryResult[],
  policy = { maximumRetryAttempts: 2, maximumEventAgeS: 60 },
) {
  const delivered: QueuedEvent[] = [];
  const discarded: string[] = [];
  let settle: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    settle = resolve;
  });
  const under = new AsyncQueue({
    directory,
    retryDelaysMs: [1, 2],
    policy: () => policy,
    deliver: async (event) => {
      delivered.push(event);
      const result = results.shift() ?? 'done';
      if (results.length === 0) setTimeout(settle, 20);
      return result;
    },
    onDiscard: (_event, reason) => discarded.push(reason),
  });
  return { under, delivered, discarded, finished };
}

const newDirectory = () => mkdtempSync(join(tmpdir(), 'queue-'));

test('an event is on disk until it is done', async () => {
  const directory = newDirectory();
  const { under, delivered, finished } = queue(directory, ['done']);
  under.add('arn:f', 'acme', Buffer.from('{"a":1}'));
  const waiting = readdirSync(directory).length;
  await finished;

  expect([waiting, readdirSync(directory)]).toEqual([1, []]);
  expect(delivered).toMatchObject([
    { functionArn: 'arn:f', tenantId: 'acme', payloadBase64: Buffer.from('{"a":1}').toString('base64') },
  ]);
});

test('a failing event is retried twice, then discarded', async () => {
  const { under, delivered, discarded, finished } = queue(newDirectory(), ['failed', 'failed', 'failed']);
  under.add('arn:f', undefined, Buffer.from('{}'));
  await finished;

  expect(delivered.map(({ failures }) => failures)).toEqual([0, 1, 2]);
  expect(discarded).toEqual(['failed 3 times']);
});

test('throttling costs no retry', async () => {
  const { under, delivered, discarded, finished } = queue(newDirectory(), ['retry', 'retry', 'retry', 'done']);
  under.add('arn:f', undefined, Buffer.from('{}'));
  await finished;

  expect([delivered.length, delivered.at(-1)?.failures, discarded]).toEqual([4, 0, []]);
});

test('an event that has grown too old is discarded unseen', async () => {
  const directory = newDirectory();
  const old = { id: 'e1', functionArn: 'arn:f', payloadBase64: '', enqueuedAtMs: Date.now() - 61_000, failures: 0 };
  writeFileSync(join(directory, 'e1.json'), JSON.stringify(old));
  const { under, delivered, discarded } = queue(directory, []);
  under.resume();
  await new Promise((resolve) => setTimeout(resolve, 30));

  expect([delivered, discarded, readdirSync(directory)]).toEqual([[], ['older than 60 s'], []]);
});

test('the next queue on the same folder delivers what a kill left, a half-written file apart', async () => {
  const directory = newDirectory();
  const first = queue(directory, []);
  first.under.close();
  first.under.add('arn:f', undefined, Buffer.from('{"n":1}'));
  writeFileSync(join(directory, 'torn.json.tmp'), '{"id":"to');
  const second = queue(directory, ['done']);
  second.under.resume();
  await second.finished;

  expect([first.delivered.length, second.delivered.length]).toEqual([0, 1]);
});
