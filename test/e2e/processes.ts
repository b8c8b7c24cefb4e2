/** Which processes a test has left behind. Linux only: elsewhere there is no /proc to look into, and nothing is found. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Ids of other processes whose command line or environment names the text. */
export function processesNaming(text: string): string[] {
  if (!existsSync('/proc')) return [];
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) return false;
    try {
      return ['environ', 'cmdline'].some((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(text));
    } catch {
      return false;
    }
  });
}
