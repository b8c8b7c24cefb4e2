/** What processes have used of the processor, as Linux tells. Source: proc(5), /proc/pid/stat. */
import { readFileSync, readdirSync } from 'node:fs';

/** Clock ticks of Linux, which sysconf(3) gives as 100 on every platform that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Of all of them together; undefined where the system does not tell. */
export function cpuSeconds(pids: readonly number[]): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const ticks = pids.map((pid) => {
    const [user = 0, system = 0] = statOf(pid).slice(11, 13).map(Number);
    return user + system;
  });
  return ticks.reduce((sum, some) => sum + some, 0) / TICKS_PER_SECOND;
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
