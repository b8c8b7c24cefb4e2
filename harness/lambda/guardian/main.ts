/**
 * The guardian: a small process beside the harness that knows the pids of its functions, one `+pid` or `-pid` a line on
 * stdin. When stdin closes, the harness is gone, however it ended, and so are they: also those that compute without a
 * pause and would never see their own lifeline close.
 */
import { killGroup } from '../kill-group.ts';

const pids = new Set<number>();
let rest = '';

process.stdin.on('data', (chunk: Buffer) => {
  const lines = (rest + chunk.toString('latin1')).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) {
    if (line.startsWith('+')) pids.add(Number(line.slice(1)));
    else pids.delete(Number(line.slice(1)));
  }
});

process.stdin.on('close', () => {
  for (const pid of pids) killGroup(pid);
});
