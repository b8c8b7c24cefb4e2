import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const WATCHDOG = pathToFileURL('shared/workflows/watchdog.ts').href;

/** A process that holds its only thread for as long. */
function hold(seconds: number, before: string): { status: number | null; signal: string | null } {
  const main = `
    import { armWatchdog } from ${JSON.stringify(WATCHDOG)};
    ${before}
    for (const endMs = Date.now() + ${seconds * 1000}; Date.now() < endMs; );`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', main], { timeout: 30_000 });
}

describe('the watchdog', () => {
  it('ends a process whose thread a computation holds', () => {
    expect(hold(20, 'armWatchdog(0.5, 60);')).toMatchObject({ status: null, signal: 'SIGALRM' });
  });

  it('leaves alone what has called it off, and does not keep a process alive', () => {
    expect(hold(1, 'await armWatchdog(0.5, 60)();')).toMatchObject({ status: 0, signal: null });
    expect(hold(0, 'armWatchdog(20, 60);')).toMatchObject({ status: 0, signal: null });
  });

  it('leaves to Lambda what Lambda ends sooner', () => {
    expect(hold(1, 'armWatchdog(0.5, 0.4);')).toMatchObject({ status: 0, signal: null });
  });
});
