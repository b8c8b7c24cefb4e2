/** npm run demo, as a newcomer runs it, and as one who loses patience does. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { processesNaming } from './processes.ts';

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly pid: number;
}

/** Runs the demo; `interruptAt` sends SIGINT as soon as the output holds the text. */
function demo(interruptAt?: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/demo.ts'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let isInterrupted = false;
    const read = (chunk: Buffer): void => {
      output += chunk.toString('utf8');
      if (interruptAt === undefined || isInterrupted || !output.includes(interruptAt)) return;
      isInterrupted = true;
      child.kill('SIGINT');
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output, pid: child.pid ?? 0 }));
  });
}

function leftOf({ pid }: Ended): { processes: string[]; folders: string[] } {
  const name = `demo-${pid}`;
  return { processes: processesNaming(name), folders: readdirSync('.tenon').filter((folder) => folder === name) };
}

describe('npm run demo', () => {
  it('trains the reference CNN to its accuracy on real digits and leaves nothing behind', async () => {
    const ended = await demo();

    const accuracy = Number(/^test accuracy (0\.\d+)/m.exec(ended.output)?.[1]);
    expect([ended.code, accuracy >= 0.972 ? 'reached' : ended.output]).toEqual([0, 'reached']);
    expect(ended.output.match(/predicted \d/g)).toHaveLength(3);
    const [, predicted] = /\(\d+ of (\d+), predicted over HTTPS/.exec(ended.output) ?? [];
    expect(ended.output).toContain(`usage of the day: ${predicted} predictions in `);
    expect(ended.output).toMatch(/training took [\d.]+ s = [\d.]+ GB-seconds; on Lambda it would have cost \$0\.00\d+/);
    expect(leftOf(ended)).toEqual({ processes: [], folders: [] });
  }, 400_000);

  it('leaves nothing behind when it is interrupted in the middle of the training', async () => {
    const ended = await demo('training the reference CNN');

    expect(ended.code).toBe(130);
    expect(leftOf(ended)).toEqual({ processes: [], folders: [] });
  });
});
