/**
 * Training against PyTorch and scikit-learn: `npm run bench:train -- [--json] [--case words] [--runs 7] [--threads 1,2]`. A line a case; `--case`
 * takes those whose name holds the words. The peer's Python is python3, /usr/bin/python3, or what the variable PYTHON names.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

import { loadCases } from './cases.ts';
import { race } from './race.ts';
import type { RaceLine } from './race.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    case: { type: 'string' },
    runs: { type: 'string' },
    threads: { type: 'string' },
  },
});

function show(line: RaceLine): string {
  const { peer, peer_ms: peerMs, ratio, peer_version: version, reason, max_difference: gap } = line;
  const ours = `${line.case}, ${line.threads} threads: ${line.ours_ms} ms, ${line.ours_peak_mb} MB`;
  if (peerMs === null) return `${ours}; no ${peer}: ${reason}`;
  return `${ours}; ${peer} ${version} ${peerMs} ms, ${line.peer_peak_mb} MB; ratio ${ratio}, difference ${gap}`;
}

const all = await loadCases();
const wanted = all.filter(({ name }) => name.includes(options.case ?? ''));
if (wanted.length === 0)
  throw new Error(`no case "${options.case}": there are ${all.map(({ name }) => name).join('; ')}`);
for (const threads of (options.threads ?? String(availableParallelism())).split(',').map(Number)) {
  for (const entry of wanted) {
    const line = await race(entry, { runs: Number(options.runs ?? 7), threads });
    console.log(options.json === true ? JSON.stringify(line) : show(line));
  }
}
