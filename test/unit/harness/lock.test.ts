/** One local cloud per data directory. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { acquireLock } from '../../../harness/lock.ts';

const newDirectory = () => mkdtempSync(join(tmpdir(), 'lock-'));

test('is refused while a living process holds it, and free when it is given back', () => {
  const directory = newDirectory();
  const release = acquireLock(directory);

  expect(() => acquireLock(directory)).toThrow(`already running on ${directory} (pid ${process.pid})`);
  release();
  acquireLock(directory)();
  expect(existsSync(join(directory, 'lock.json'))).toBe(false);
});

test('is taken over from a process that is gone, and from a file that is torn', () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const [ofTheDead, torn] = [newDirectory(), newDirectory()];
  writeFileSync(join(ofTheDead, 'lock.json'), JSON.stringify({ pid }));
  writeFileSync(join(torn, 'lock.json'), '{"pi');

  expect(() => acquireLock(ofTheDead)).not.toThrow();
  expect(() => acquireLock(torn)).not.toThrow();
});

(process.platform === 'linux' ? test : test.skip)('is taken over where its pid now belongs to another process', () => {
  const directory = newDirectory();
  writeFileSync(join(directory, 'lock.json'), JSON.stringify({ pid: process.pid, startTicks: '1' }));

  expect(() => acquireLock(directory)).not.toThrow();
});
