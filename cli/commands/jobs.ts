/** tenon jobs: list, get, follow, events, cancel, estimate. */
import type { Command } from 'commander';
import { eventsOf } from '../events.ts';
import { followJob, measureWords } from '../follow.ts';
import type { JobFlags } from '../job-body.ts';
import { fields, table, time } from '../render/table.ts';
import type { Job, JobEvent } from '../resources.ts';
import { numeric, sessionOf } from '../session.ts';
import { answer, print } from '../terminal.ts';
import type { Output } from '../terminal.ts';
import { bodyOf, shownJob, throwIfFailed, withJobFlags } from './train.ts';

interface Estimate {
  readonly seconds: number;
  readonly gb_seconds: number;
  readonly usd: number;
  readonly memory_mb: number;
  readonly limits_ok: boolean;
  readonly notes: readonly string[];
}

export function addJobs(program: Command): void {
  const jobs = program.command('jobs').description('trainings: running, done and failed');
  jobs
    .command('list')
    .description('jobs, newest first')
    .option('--limit <n>', 'how many', numeric, 20)
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const { api, output } = sessionOf(command);
      const page = await api.list<Job>('listJobs', limit);
      answer(page, output, () =>
        table(
          ['ID', 'NAME', 'FAMILY', 'STATUS', 'DONE', 'USD', 'CREATED'],
          page.data.map((j) => [j.id, j.name, j.family, j.status, percent(j), j.usage.usd, time(j.created_at)]),
        ),
      );
    });
  addOne(jobs);
  withJobFlags(jobs.command('estimate [dataset]'))
    .description('how long a job would take and what it would cost; nothing is started')
    .action(async (dataset: string | undefined, flags: JobFlags, command: Command) => {
      const { api, output } = sessionOf(command);
      // No model comes of it: the name is for the service's checks.
      const body = { name: 'estimate', ...(await bodyOf(api, dataset, flags)) };
      const estimate = await api.call<Estimate>('estimateJob', { body });
      const { notes, limits_ok: isWithinLimits, ...figures } = estimate;
      answer(estimate, output, () => [...fields({ ...figures, within_limits: isWithinLimits }), ...notes]);
    });
}

function addOne(jobs: Command): void {
  for (const [name, description] of [
    ['get', 'one job with its progress and metrics'],
    ['follow', 'show the progress until the job ends'],
  ] as const) {
    jobs
      .command(`${name} <job>`)
      .description(description)
      .action(async (id: string, _options: object, command: Command) => {
        const { api, output } = sessionOf(command);
        const job =
          name === 'get' ? await api.call<Job>('getJob', { params: { id } }) : await followJob(api, id, output);
        answer(job, output, () => shownJob(job));
        if (name === 'follow') throwIfFailed(job);
      });
  }
  jobs
    .command('events <job>')
    .description('what the job has told, oldest first; with --json one event a line')
    .option('--follow', 'and what it tells until it ends')
    .action(async (id: string, { follow }: { follow?: boolean }, command: Command) => {
      const { api, output } = sessionOf(command);
      if (follow === true) for await (const event of eventsOf(api, id)) say(event, output);
      else
        for (const event of (await api.list<JobEvent>('listJobEvents', Infinity, { params: { id } })).data)
          say(event, output);
    });
  jobs
    .command('cancel <job>')
    .description('stop it; what was learned so far stays as a version where there is any')
    .action(async (id: string, _options: object, command: Command) => {
      const { api, output } = sessionOf(command);
      const job = await api.call<Job>('cancelJob', { params: { id }, body: {} });
      answer(job, output, () => [`${id}: asked to stop, now ${job.status}`]);
    });
}

function say(event: JobEvent, output: Output): void {
  const words = event.message ?? measureWords(event) ?? JSON.stringify(event.data ?? {});
  print(output.isJson ? JSON.stringify(event) : `${time(event.created_at)}  ${event.type.padEnd(10)}  ${words}`);
}

function percent({ progress }: Job): string {
  return `${Math.round(progress.fraction * 100)} %`;
}
