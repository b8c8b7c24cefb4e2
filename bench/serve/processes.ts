/** What processes have used of the processor, as Linux tells. Source: proc(5); Documentation/scheduler/sched-stats.rst. */
import { globSync, readFileSync, readdirSync } from 'node:fs';

/** Of all threads of all of them together, in ms; undefined where the system does not tell. */
export function cpuMs(pids: readonly number[]): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const threads = pids.flatMap((pid) => globSync(`/proc/${pid}/task/*/schedstat`));
  const nanoseconds = threads.map((file) => Number(readFileSync(file, 'latin1').split(' ')[0]));
  return nanoseconds.reduce((sum, some) => sum + some, 0) / 1e6;
}

/** This process's children that run a function whose name has this in it. */
export function functionProcesses(name: string): number[] {
  if (process.platform !== 'linux') return [];
  const pids = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
  return pids.filter((pid) => {
    try {
      const isChild = Number(statOf(pid)[1]) === process.pid;
      return (
        isChild &&
        new RegExp(`AWS_LAMBDA_FUNCTION_NAME=[^\\0]*${name}`).test(readFileSync(`/proc/${pid}/environ`, 'utf8'))
      );
    } catch {
      // It has ended meanwhile, or is another user's.
      return false;
    }
  });
}

/** The fields behind the command's name, which may hold anything: state, parent, ... */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
