/** A job's progress on the terminal: its events bring the measures, the job itself how far it is. */
import type { ApiClient } from './client.ts';
import { eventsOf } from './events.ts';
import { isFinished } from './resources.ts';
import type { Job, JobEvent, Metrics } from './resources.ts';
import { number } from './render/table.ts';
import { progressBar } from './terminal.ts';
import type { Output } from './terminal.ts';

const LOOK_MS = 1000;
/** Of the bar. */
const STEPS = 1000;

/** Shows the job until it ends, and answers it as it is then. */
export async function followJob(api: ApiClient, id: string, output: Output): Promise<Job> {
  const bar = progressBar(' ', STEPS, output);
  let measures = '';
  const isOver = new AbortController();
  const look = async (): Promise<Job> => {
    const job = await api.call<Job>('getJob', { params: { id } });
    bar.update(
      Math.round(job.progress.fraction * STEPS),
      [...progressWords(job), measures].filter(Boolean).join(' | '),
    );
    return job;
  };
  const looking = keepLooking(look, isOver.signal);
  try {
    for await (const event of eventsOf(api, id)) measures = measureWords(event) ?? measures;
    // Only when the job is over does the stream end; the job says so at once.
    return await api.until(look, isFinished);
  } finally {
    isOver.abort();
    await looking;
    bar.stop();
  }
}

/** Once a second until told to stop; what fails here fails in the stream of events too. */
async function keepLooking(look: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await look().catch(() => undefined);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

function progressWords({ status, progress }: Job): string[] {
  const { epoch, epochs, eta_seconds: left } = progress;
  return [
    ...(status === 'running' ? [] : [status]),
    ...(epoch === undefined ? [] : [`epoch ${Math.floor(epoch)}${epochs === undefined ? '' : `/${epochs}`}`]),
    ...(left === undefined || left <= 0 ? [] : [`${Math.ceil(left)} s left`]),
  ];
}

/** The loss and the first measure of the rows that are not learned from. */
export function measureWords({ type, data }: JobEvent): string | undefined {
  if (type !== 'metrics' || data === undefined) return undefined;
  const told = Object.entries(data).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  const shown = told.filter(
    ([name]) => name === 'loss' || (name.startsWith('validation_') && name !== 'validation_loss'),
  );
  return shown
    .slice(0, 3)
    .map(([name, value]) => `${name.replaceAll('_', ' ')} ${number(value)}`)
    .join(' | ');
}

export function metricRows({ train, validation }: Job['metrics']): [string, number | undefined, number | undefined][] {
  const names = [...new Set([...Object.keys(train), ...Object.keys(validation)])];
  return names.map((name) => [name, valueOf(train, name), valueOf(validation, name)]);
}

function valueOf(metrics: Metrics, name: string): number | undefined {
  return Object.hasOwn(metrics, name) ? metrics[name] : undefined;
}
