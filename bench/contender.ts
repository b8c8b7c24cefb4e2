/** Our side of a race, as a process: `contender.ts <case> <threads> <arrays as JSON>`, with the commands and answers of peer.py. */
import { peakMemory } from '../shared/runtime/peak-memory.ts';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { createEngine } from '../shared/runtime/session.ts';
import { ARRAYS } from '../shared/tensor/dtype.ts';
import { tensor } from '../shared/tensor/tensor.ts';
import type { HostTensor } from '../shared/tensor/tensor.ts';
import { loadCases } from './cases.ts';
import type { StoredArray } from './side.ts';

const [name = '', threads = '1', arrays = '{}'] = process.argv.slice(2);
const answer = (value: object): void => console.log(JSON.stringify(value));

function load({ file, dtype, shape }: StoredArray): HostTensor<typeof dtype> {
  const bytes = readFileSync(file);
  const data = new ARRAYS[dtype](bytes.buffer, bytes.byteOffset, bytes.byteLength / ARRAYS[dtype].BYTES_PER_ELEMENT);
  return tensor<typeof dtype>(dtype, shape, data);
}

const found = (await loadCases()).find((candidate) => candidate.name === name);
if (found === undefined) throw new Error(`no case "${name}"`);
const stored = Object.entries(JSON.parse(arrays) as Record<string, StoredArray>);
const data = Object.fromEntries(stored.map(([key, array]) => [key, load(array)]));
const contender = await found.open(data, createEngine({ threads: Number(threads) }));
answer({ version: process.version });
for await (const line of createInterface({ input: process.stdin })) {
  const [command, file] = line.split(' ');
  if (command === 'run') {
    const [startedMs, startedCpu] = [performance.now(), process.cpuUsage()];
    await contender.run();
    const { user, system } = process.cpuUsage(startedCpu);
    answer({ ms: performance.now() - startedMs, cpu_ms: (user + system) / 1e3 });
  } else if (command === 'solution') {
    writeFileSync(file!, Float64Array.from(await contender.solution()));
    answer({});
  } else {
    // Kilobytes, by getrusage(2).
    answer({ peak_mb: peakMemory() / 1e6 });
    break;
  }
}
process.exit(0);
