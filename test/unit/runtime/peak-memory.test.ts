/** What a process says of its memory is its own, not that of the process that started it. */
import { execFileSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';
import { peakMemory } from '../../../shared/runtime/peak-memory.ts';

const MODULE = pathToFileURL('shared/runtime/peak-memory.ts').href;

/** Bytes that a new process says it held, after it took `megabytes` more. */
function peakOfChild(megabytes: number): number {
  const code = `const { peakMemory } = await import('${MODULE}');
    const taken = Buffer.alloc(${megabytes} * 2 ** 20, 1);
    console.log(peakMemory(), taken[1]);`;
  const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code]);
  return Number(output.toString().split(' ')[0]);
}

test('the peak of a process started by a larger one is its own', () => {
  const ballast = Buffer.alloc(600 * 2 ** 20, 1);

  expect(peakMemory()).toBeGreaterThan(ballast.byteLength);
  const small = peakOfChild(0);
  expect(small).toBeLessThan(ballast.byteLength);
  expect(peakOfChild(200) - small).toBeGreaterThan(150 * 2 ** 20);
});
