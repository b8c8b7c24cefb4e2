/**
 * scikit-learn as a peer to race with: one Python process that fits on request and says how long it took. It reads its data from files of
 * float64, so that both sides work on the same numbers. Where no Python has scikit-learn the bench says so.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface Peer {
  readonly version: string;
  /** Milliseconds of one fit, and what the script says of its result. */
  fit(): Promise<{ ms: number; result: Record<string, number> }>;
  close(): Promise<void>;
}

const PYTHONS = ['python3', '/usr/bin/python3'];

/** `setup` defines `fit()`, which returns a dict of numbers. @returns undefined where scikit-learn is not installed */
export async function openPeer(setup: string, threads: number): Promise<Peer | undefined> {
  const script = `
import sys, json, time
import numpy as np
import sklearn
${setup}
print(json.dumps(sklearn.__version__), flush=True)
for line in sys.stdin:
    started = time.perf_counter()
    result = fit()
    print(json.dumps({"ms": 1e3 * (time.perf_counter() - started), "result": result}), flush=True)
`;
  const count = String(threads);
  const env = { ...process.env, OMP_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count };
  for (const python of PYTHONS) {
    const child = spawn(python, ['-c', script], { env, stdio: ['pipe', 'pipe', 'ignore'] });
    child.on('error', () => undefined);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done === true) continue;
    return {
      version: JSON.parse(first.value) as string,
      async fit() {
        child.stdin.write('fit\n');
        const line = await lines.next();
        if (line.done === true) throw new Error('the scikit-learn process ended');
        return JSON.parse(line.value) as { ms: number; result: Record<string, number> };
      },
      async close() {
        child.stdin.end();
        if (child.exitCode === null) await once(child, 'exit');
      },
    };
  }
  return undefined;
}

export interface Race {
  readonly case: string;
  readonly threads: number;
  readonly runs: number;
  /** Python that defines fit(). */
  readonly peer: string;
  readonly ours: () => Promise<void>;
}

export interface RaceLine {
  readonly case: string;
  readonly ours_ms: number;
  readonly threads: number;
  readonly runs: number;
  readonly peer: string;
  /** null where the peer is missing. */
  readonly peer_ms: number | null;
  /** Ours by the peer's. */
  readonly ratio: number | null;
  readonly peer_version?: string;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const rounded = (ms: number): number => Math.round(ms * 100) / 100;

/** Medians of alternating runs, after one of each to warm up. */
export async function race({ runs, threads, ours, ...what }: Race): Promise<RaceLine> {
  const peer = await openPeer(what.peer, threads);
  const [oursMs, peerMs]: number[][] = [[], []];
  for (let run = 0; run <= runs; run++) {
    const startedMs = performance.now();
    await ours();
    const ms = performance.now() - startedMs;
    const theirs = await peer?.fit();
    if (run === 0) continue;
    oursMs!.push(ms);
    if (theirs !== undefined) peerMs!.push(theirs.ms);
  }
  await peer?.close();
  const line = { case: what.case, ours_ms: rounded(median(oursMs!)), threads, runs };
  if (peer === undefined) return { ...line, peer: 'scikit-learn: not installed here', peer_ms: null, ratio: null };
  const ratio = rounded(median(oursMs!) / median(peerMs!));
  return { ...line, peer: 'scikit-learn', peer_ms: rounded(median(peerMs!)), ratio, peer_version: peer.version };
}

/** A line of JSON, or the same for people. */
export function show(line: RaceLine, isJson: boolean): void {
  const { case: name, ours_ms: ours, peer, peer_ms: theirs, ratio, threads, runs } = line;
  const versus = theirs === null ? peer : `${peer} ${theirs} ms, ratio ${ratio}`;
  const text = `${name}: ${ours} ms; ${versus} (${threads} threads, ${runs} runs)`;
  console.log(isJson ? JSON.stringify(line) : text);
}
