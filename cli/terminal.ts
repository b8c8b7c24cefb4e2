/** What stands on the terminal: answers on stdout, progress and remarks on stderr, so that an output can be piped. */
import { Presets, SingleBar } from 'cli-progress';
import pc from 'picocolors';

export interface Output {
  /** One JSON value and nothing else. */
  readonly isJson: boolean;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function remark(line: string): void {
  process.stderr.write(`${pc.dim(line)}\n`);
}

/** The answer: as JSON as it came, or as people read it. */
export function answer(value: unknown, { isJson }: Output, lines: () => readonly string[]): void {
  if (isJson) print(JSON.stringify(value));
  else for (const line of lines()) print(line);
}

export interface Bar {
  /** @param shown the words beside the bar */
  update: (done: number, shown?: string) => void;
  stop: () => void;
}

/** A bar on stderr; a line now and then where that is no terminal, nothing with --json. */
export function progressBar(label: string, total: number, { isJson }: Output): Bar {
  if (isJson) return { update: () => undefined, stop: () => undefined };
  const bar = new SingleBar(
    {
      format: `${label} {bar} {percentage}% {shown}`,
      hideCursor: true,
      stream: process.stderr,
      noTTYOutput: !process.stderr.isTTY,
      notTTYSchedule: 5000,
      linewrap: false,
    },
    Presets.shades_classic,
  );
  bar.start(Math.max(total, 1), 0, { shown: '' });
  return {
    update: (done, shown = '') => bar.update(Math.min(done, total), { shown }),
    stop: () => bar.stop(),
  };
}
