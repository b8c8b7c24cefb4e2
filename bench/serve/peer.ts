/** The Python peer: a process that serves the same kind of model over HTTP. Which Python: bench/side.ts. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PYTHONS } from '../side.ts';
import { HttpTarget } from './http-target.ts';
import { cpuMs } from './processes.ts';

const SCRIPT = fileURLToPath(new URL('./peer.py', import.meta.url));
const ONE_THREAD = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1' };

export interface Peer {
  /** What serves what, with versions. */
  readonly server: string;
  predict(body: string): Promise<string>;
  cpuMs(): number | undefined;
  stop(): void;
}

/** The peer, or why there is none. */
export async function startPeer(module: 'sklearn' | 'torch'): Promise<Peer | string> {
  const reasons: string[] = [];
  for (const python of PYTHONS) {
    const peer = await startWith(python, module);
    if (typeof peer !== 'string') return peer;
    reasons.push(`${python}: ${peer}`);
  }
  return reasons.join('; ');
}

async function startWith(python: string, module: string): Promise<Peer | string> {
  const child = spawn(python, [SCRIPT, module], { env: { ...process.env, ...ONE_THREAD } });
  const complaints: string[] = [];
  child.on('error', (error) => complaints.push(error.message));
  child.stdin.on('error', () => undefined);
  createInterface({ input: child.stderr }).on('line', (line) => complaints.push(line));
  const first = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  if (first.done === true) return complaints.at(-1) ?? 'ended without a word';
  const { port, server } = JSON.parse(first.value) as { port: number; server: string };
  const target = new HttpTarget(`http://127.0.0.1:${port}/predict`, {});
  return {
    server,
    predict: (body) => target.post(body),
    cpuMs: () => cpuMs([child.pid!]),
    stop() {
      target.close();
      child.stdin.end();
    },
  };
}
