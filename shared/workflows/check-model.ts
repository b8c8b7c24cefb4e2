/**
 * What *fit* does with a model that a tenant uploaded: the checks and the trial run, in a process of their own, then the bytes that
 * passed become a version. Safe to run again.
 */
import { createHash } from 'node:crypto';
import { epochS } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { LINT_LIMITS } from '../onnx/lint/limits.ts';
import type { Lint, ModelVersionRecord } from '../resources/model.ts';
import type { Verdict } from '../runtime/sandbox/verdict.ts';
import { versionId } from '../stores/catalog.ts';
import { paths } from '../stores/objects.ts';
import type { TenantStores } from '../stores/tenant-stores.ts';

/** Which version of a model. */
export interface Checked {
  readonly name: string;
  readonly version: number;
}

export type CheckAction = Checked & { readonly action: 'check' };

export interface CheckOutcome {
  readonly status: 'ready' | 'refused' | 'gone';
  readonly seconds: number;
}

export interface CheckContext {
  readonly stores: TenantStores;
  readonly clock: Clock;
  readonly sandbox: (bytes: Uint8Array) => Promise<Verdict>;
}

export async function checkModel({ name, version }: CheckAction, context: CheckContext): Promise<CheckOutcome> {
  const { catalog, objects } = context.stores;
  const startedMs = context.clock.nowMs();
  const seconds = (): number => (context.clock.nowMs() - startedMs) / 1000;
  const record = await catalog.versions(name).get(versionId(version));
  if (record === undefined) return { status: 'gone', seconds: 0 };
  // A try before this one has ended it, and may have been lost on its last steps.
  if (record.status === 'ready') return { status: await finish(record, context), seconds: seconds() };
  if (record.status !== 'linting') return { status: 'refused', seconds: 0 };
  const lint = await lintUpload(record, context);
  const { report, bytes } = lint;
  const status =
    bytes === undefined
      ? await refuse(record, report, context)
      : await accept(record, { bytes, lint: report }, context);
  await objects.deleteAll(paths.modelUpload(name, version));
  return { status, seconds: seconds() };
}

type Linted = { readonly report: Lint; readonly bytes?: Uint8Array };

/** The report, and the bytes where nothing speaks against them. */
async function lintUpload({ name, version }: Checked, { stores, sandbox }: CheckContext): Promise<Linted> {
  const path = paths.modelUpload(name, version);
  const size = (await stores.objects.size(path)) ?? 0;
  // Not even read: it would not fit into memory.
  if (size > LINT_LIMITS.fileBytes) {
    const message = `the file has ${size} bytes: expected at most ${LINT_LIMITS.fileBytes}`;
    return { report: { bytes: size, findings: [{ check: 'file', message }] } };
  }
  const bytes = (await stores.objects.get(path)) ?? new Uint8Array();
  const { lint, trial } = await sandbox(bytes);
  const failed = trial?.status === 'failed' ? [{ check: 'trial', message: trial.message ?? 'it failed' }] : [];
  const findings = [...lint.findings, ...failed];
  const report = { ...lint, findings, ...(trial === undefined ? {} : { trial }) } as Lint;
  return findings.length > 0 ? { report } : { report, bytes };
}

async function refuse(
  record: ModelVersionRecord,
  lint: Lint,
  { stores }: CheckContext,
): Promise<CheckOutcome['status']> {
  const isThere = await stores.catalog
    .versions(record.name)
    .patch(versionId(record.version), { status: 'refused', lint }, ['linting']);
  return isThere ? 'refused' : 'gone';
}

async function accept(
  record: ModelVersionRecord,
  { bytes, lint }: { bytes: Uint8Array; lint: Lint },
  context: CheckContext,
): Promise<CheckOutcome['status']> {
  const { catalog, objects, storedBytes } = context.stores;
  const { name, version, id } = record;
  const thing = record.check ?? id;
  const limit = record.stored_bytes_limit ?? Number.MAX_SAFE_INTEGER;
  if (!(await storedBytes.take(thing, bytes.length, limit))) {
    const message = `the model has ${bytes.length} bytes: your plan's ${limit} stored bytes are used up`;
    return refuse(record, { ...lint, findings: [{ check: 'file', message }] }, context);
  }
  await objects.put(paths.model(name, version), bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const fields = { status: 'ready', lint, bytes: bytes.length, sha256 } as const;
  const isFirst = await catalog.versions(name).patch(versionId(version), fields, ['linting']);
  const now = isFirst ? undefined : await catalog.versions(name).get(versionId(version));
  if (!isFirst && now?.status !== 'ready') {
    // Deleted while it was checked.
    await storedBytes.undo(thing, bytes.length);
    await objects.deleteAll(paths.version(name, version));
    return 'gone';
  }
  return finish(record, context);
}

/** Of a version that is ready: its bytes stay counted, and it is the latest. */
async function finish(
  { name, version, check, id }: ModelVersionRecord,
  { stores, clock }: CheckContext,
): Promise<CheckOutcome['status']> {
  await stores.storedBytes.confirm(check ?? id);
  const model = await stores.catalog.models.get(name);
  if (model !== undefined && model.latest_version < version)
    await stores.catalog.models.patch(name, { latest_version: version, updated_at: epochS(clock) });
  return 'ready';
}
