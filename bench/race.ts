/** A race: both sides' solutions are compared, then they run in turns, so that a busy machine hurts them alike. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { BenchCase } from './contract.ts';
import { Side, storeArrays } from './side.ts';
import type { Timing } from './side.ts';

export interface RaceLine {
  readonly case: string;
  /** Median over the runs, of one step where the case is made of steps. */
  readonly ours_ms: number;
  readonly peer: string;
  /** null where the peer is missing; `reason` says why. */
  readonly peer_ms: number | null;
  /** Ours by the peer's. */
  readonly ratio: number | null;
  readonly peer_version: string | null;
  readonly threads: number;
  readonly runs: number;
  readonly ours_cpu_ms: number;
  readonly peer_cpu_ms: number | null;
  /** The most that each process has held, data and runtime included. */
  readonly ours_peak_mb: number;
  readonly peer_peak_mb: number | null;
  /** Between the solutions, relative for values above 1. */
  readonly max_difference: number | null;
  readonly reason?: string;
}

export async function race(entry: BenchCase, { runs, threads }: { runs: number; threads: number }): Promise<RaceLine> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  try {
    const arrays = storeArrays(await entry.data(), folder);
    const ours = await Side.ours(entry, threads, arrays);
    const peer = await Side.peer(entry, threads, arrays);
    const found = await ours.solution(join(folder, 'ours.solution'));
    const expected = typeof peer === 'string' ? undefined : await peer.solution(join(folder, 'peer.solution'));
    const [oursRuns, peerRuns]: [Timing[], Timing[]] = [[], []];
    // The first run warms up.
    for (let run = 0; run <= runs; run++) {
      const [mine, theirs] = [await ours.run(), typeof peer === 'string' ? undefined : await peer.run()];
      if (run === 0) continue;
      oursRuns.push(mine);
      if (theirs !== undefined) peerRuns.push(theirs);
    }
    const steps = entry.steps ?? 1;
    const median = (timings: readonly Timing[], field: keyof Timing): number =>
      timings.map((timing) => timing[field] / steps).toSorted((a, b) => a - b)[Math.floor(timings.length / 2)]!;
    const line = {
      case: entry.name,
      ours_ms: rounded(median(oursRuns, 'ms')),
      ours_cpu_ms: rounded(median(oursRuns, 'cpu_ms')),
      ours_peak_mb: Math.round(await ours.end()),
      peer: entry.peer,
      threads,
      runs,
    };
    if (typeof peer === 'string') return { ...line, ...NO_PEER, reason: peer };
    return {
      ...line,
      peer_ms: rounded(median(peerRuns, 'ms')),
      ratio: rounded(median(oursRuns, 'ms') / median(peerRuns, 'ms')),
      peer_version: peer.version,
      peer_cpu_ms: rounded(median(peerRuns, 'cpu_ms')),
      peer_peak_mb: Math.round(await peer.end()),
      max_difference: difference(found, expected!),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const NO_PEER = {
  peer_ms: null,
  ratio: null,
  peer_version: null,
  peer_cpu_ms: null,
  peer_peak_mb: null,
  max_difference: null,
} as const;

function difference(found: Float64Array, expected: Float64Array): number {
  if (found.length !== expected.length)
    throw new Error(`the solutions differ in size: ours has ${found.length} numbers, the peer's ${expected.length}`);
  let most = 0;
  found.forEach((value, at) => {
    const gap = Math.abs(value - expected[at]!) / Math.max(1, Math.abs(expected[at]!));
    if (!(gap <= most)) most = gap;
  });
  return Number(most.toPrecision(2));
}

const rounded = (value: number): number => Math.round(value * 100) / 100;
