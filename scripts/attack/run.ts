/** The attack: makes both tenants' things, sends every attempt, judges the answers, and tells what it found. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Attempt, AttackKind, Scene } from './attempt.ts';
import { judge, noteSent } from './judge.ts';
import { ATTACK_KINDS } from './kinds/index.ts';
import { sampled } from './sample.ts';
import type { Sample } from './sample.ts';
import { idsOf, makeThings, portraitOf, removeNew } from './things.ts';
import { Wire } from './wire.ts';

export interface AttackOptions {
  readonly url: string;
  /** Key of the victim, and of the attacker. */
  readonly keyA: string;
  readonly keyB: string;
  readonly deadKeys?: Scene['deadKeys'];
  /** Kinds to try, by name; default: all. */
  readonly kinds?: readonly string[];
  /** Default: everything. */
  readonly sample?: Sample;
  readonly concurrency?: number;
  /** An answer that takes longer is a hang, in ms. */
  readonly hangMs?: number;
  readonly log?: (line: string) => void;
}

export interface Failure {
  readonly kind: string;
  readonly attempt: string;
  readonly why: string;
}

export interface AttackReport {
  readonly object: 'attack.report';
  /** By kind. */
  readonly attempts: Readonly<Record<string, number>>;
  readonly total: number;
  /** Null where everything was tried. */
  readonly sample: Sample | null;
  readonly failures: readonly Failure[];
  /** What could not be tried, and why. */
  readonly skipped: readonly string[];
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/** Longer than API Gateway waits for a function. */
const HANG_MS = 35_000;
const CONCURRENCY = 4;

/** @throws {Error} where the things to attack cannot be made */
export async function attack(options: AttackOptions): Promise<AttackReport> {
  const startedMs = performance.now();
  const wire = new Wire(options.url, options.hangMs ?? HANG_MS);
  const canary = await startCanary();
  const before = [await inventory(wire, options.keyA), await inventory(wire, options.keyB)] as const;
  try {
    const [victim, own] = await Promise.all([makeThings(wire, options.keyA), makeThings(wire, options.keyB)]);
    if (victim.tenantId !== undefined && victim.tenantId === own.tenantId)
      throw new Error('both keys are of the same tenant: give keys of two');
    const scene: Scene = { wire, victim, own, sent: new Set(), deadKeys: options.deadKeys ?? {}, canary };
    const portrait = await portraitOf(wire, victim);
    const report = await tryAll(scene, options);
    const failures = [...report.failures];
    // What is gone is changed too.
    if ((await portraitOf(wire, victim).catch(String)) !== portrait)
      failures.push({ kind: 'the end', attempt: "a look at the victim's things", why: 'an attack has changed them' });
    const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
    return { object: 'attack.report', ...report, sample: options.sample ?? null, failures, seconds };
  } finally {
    await removeNew(wire, options.keyA, before[0]);
    await removeNew(wire, options.keyB, before[1]);
    canary.stop();
    wire.close();
  }
}

async function inventory(wire: Wire, key: string) {
  return { datasets: await idsOf(wire, key, 'datasets'), models: await idsOf(wire, key, 'models') };
}

async function tryAll(
  scene: Scene,
  options: AttackOptions,
): Promise<Omit<AttackReport, 'object' | 'sample' | 'seconds'>> {
  const attempts: Record<string, number> = {};
  const statuses: Record<string, number> = {};
  const failures: Failure[] = [];
  const kinds = ATTACK_KINDS.filter(({ name }) => options.kinds?.includes(name) ?? true);
  for (const kind of kinds) {
    const startedMs = performance.now();
    const all = kind.attempts(scene);
    const chosen = options.sample === undefined ? all : sampled(all, options.sample);
    await inParallel(chosen, options.concurrency ?? CONCURRENCY, async (attempt) => {
      const { status, why } = await tryOne(attempt, scene);
      attempts[kind.name] = (attempts[kind.name] ?? 0) + 1;
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (why !== undefined) failures.push({ kind: kind.name, attempt: attempt.label, why });
    });
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    options.log?.(`${kind.name}: ${attempts[kind.name] ?? 0} attempts in ${seconds} s`);
  }
  return {
    attempts,
    total: Object.values(attempts).reduce((sum, count) => sum + count, 0),
    failures,
    skipped: kinds.flatMap((kind: AttackKind) => kind.skips?.(scene) ?? []),
    statuses,
  };
}

async function tryOne(attempt: Attempt, scene: Scene): Promise<{ status: number; why: string | undefined }> {
  noteSent(attempt, scene);
  const answer = await scene.wire.send(attempt.request);
  try {
    return { status: answer.status, why: await judge(attempt, answer, scene) };
  } catch (error) {
    return { status: answer.status, why: error instanceof Error ? error.message : String(error) };
  }
}

async function inParallel<T>(items: Iterable<T>, workers: number, work: (item: T) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: workers }, worker));
}

/** A server that nobody has to call. */
async function startCanary(): Promise<Scene['canary'] & { stop(): void }> {
  let calls = 0;
  const server = createServer((_request, response) => {
    calls++;
    response.end('ami-id');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/canary`, calls: () => calls, stop: () => void server.close() };
}
