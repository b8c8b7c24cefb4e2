/** The check of a tenant's own model, as the durable *train* function runs it: one chained invoke of *fit*, and a word where that fails. */
import { versionId } from '../stores/catalog.ts';
import type { Catalog } from '../stores/catalog.ts';
import type { Checked, CheckOutcome } from './check-model.ts';
import { FitFailed } from './fit-failed.ts';
import type { Orchestration } from './train.ts';

export interface CheckEvent {
  readonly tenant_id: string;
  readonly check: Checked;
}

export interface CheckServices {
  /** Notes that the model could not be checked. */
  refuse(model: Checked, reason: string): Promise<unknown>;
}

/** Says of a version why it was not checked. */
export async function refuseUpload({ name, version }: Checked, reason: string, catalog: Catalog): Promise<void> {
  const lint = { bytes: 0, findings: [{ check: 'file', message: `it could not be checked: ${reason}` }] };
  await catalog.versions(name).patch(versionId(version), { status: 'refused', lint }, ['linting']);
}

export async function checkUpload(
  { check }: CheckEvent,
  to: Orchestration,
  services: CheckServices,
): Promise<Pick<CheckOutcome, 'status'>> {
  try {
    const { status } = await to.fit<CheckOutcome>('check', { action: 'check', ...check });
    return { status };
  } catch (error) {
    if (!(error instanceof FitFailed)) throw error;
    await to.step('refuse', () => services.refuse(check, error.message));
    return { status: 'refused' };
  }
}
