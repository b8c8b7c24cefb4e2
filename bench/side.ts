/** The processes of a race: ours, and a Python that has the peer. Both answer a line to each line (peer.py says which). */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { Arrays, BenchCase } from './contract.ts';

/** An array as both sides read it: its elements in a file, as they lie in memory. */
export interface StoredArray {
  readonly file: string;
  readonly dtype: Arrays[string]['dtype'];
  readonly shape: readonly number[];
}

export interface Timing {
  readonly ms: number;
  readonly cpu_ms: number;
}

export const PYTHONS = process.env['PYTHON'] === undefined ? ['python3', '/usr/bin/python3'] : [process.env['PYTHON']];
const MODULES = { pytorch: 'torch', 'scikit-learn': 'sklearn' } as const;
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

export class Side {
  readonly version: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcessWithoutNullStreams, lines: AsyncIterator<string>, version: string) {
    this.#child = child;
    this.#lines = lines;
    this.version = version;
  }

  static async ours({ name }: BenchCase, threads: number, arrays: string): Promise<Side> {
    const args = ['--import', 'tsx', here('./contender.ts'), name, String(threads), arrays];
    const side = await Side.#start(process.execPath, { args, threads });
    if (typeof side === 'string') throw new Error(`${name}: ${side}`);
    return side;
  }

  /** The peer, or why there is none. */
  static async peer({ peer, python }: BenchCase, threads: number, arrays: string): Promise<Side | string> {
    const args = [here('./peer.py'), MODULES[peer], String(threads), arrays];
    const reasons: string[] = [];
    for (const command of PYTHONS) {
      const side = await Side.#start(command, { args, threads, script: python });
      if (typeof side !== 'string') return side;
      reasons.push(`${command}: ${side}`);
    }
    return reasons.join('; ');
  }

  /** A process that has said its version, or the last line it complained with. */
  static async #start(
    command: string,
    { args, threads, script }: { args: readonly string[]; threads: number; script?: string },
  ): Promise<Side | string> {
    const count = String(threads);
    const env = { ...process.env, OMP_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count, MKL_NUM_THREADS: count };
    const child = spawn(command, args, { env });
    const complaints: string[] = [];
    child.on('error', (error) => complaints.push(error.message));
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stderr }).on('line', (line) => complaints.push(line));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    if (script !== undefined) child.stdin.write(`${JSON.stringify(script)}\n`);
    const first = await lines.next();
    if (first.done !== true) return new Side(child, lines, (JSON.parse(first.value) as { version: string }).version);
    await new Promise((resolve) => (child.exitCode === null && child.pid ? child.once('close', resolve) : resolve(0)));
    return complaints.at(-1) ?? 'ended without a word';
  }

  run(): Promise<Timing> {
    return this.#ask('run') as Promise<Timing>;
  }

  async solution(file: string): Promise<Float64Array> {
    await this.#ask(`solution ${file}`);
    return new Float64Array(Uint8Array.from(readFileSync(file)).buffer);
  }

  /** Ends the process. @returns the most memory it has held */
  async end(): Promise<number> {
    const { peak_mb: peak } = (await this.#ask('end')) as { peak_mb: number };
    this.#child.stdin.end();
    return peak;
  }

  async #ask(command: string): Promise<unknown> {
    this.#child.stdin.write(`${command}\n`);
    const line = await this.#lines.next();
    if (line.done === true) throw new Error(`the process ended at "${command}"`);
    return JSON.parse(line.value);
  }
}

/** Writes the arrays into a folder. @returns where they are, as JSON */
export function storeArrays(arrays: Arrays, folder: string): string {
  const stored = Object.entries(arrays).map(([name, { dtype, shape, data }]): [string, StoredArray] => {
    const file = join(folder, `${name}.bin`);
    writeFileSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return [name, { file, dtype, shape }];
  });
  return JSON.stringify(Object.fromEntries(stored));
}
