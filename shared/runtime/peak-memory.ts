/**
 * The most memory that this process has held. Linux counts it for the program that runs (VmHWM); `maxRSS` would begin with what the
 * process held from which this one was started. Source: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html.
 */
import { readFileSync } from 'node:fs';

/** Bytes. */
export function peakMemory(): number {
  const [, kib] = /^VmHWM:\s*(\d+) kB$/m.exec(statusOfThis()) ?? [];
  return (kib === undefined ? process.resourceUsage().maxRSS : Number(kib)) * 1024;
}

/** Empty where the system has no such file. */
function statusOfThis(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8');
  } catch {
    return '';
  }
}
