/** The audit log, and the erasure of everything a tenant stored. */
import { ServiceError } from '../../errors.ts';
import { AUDIT_ID } from '../../resources/audit.ts';
import { erase } from '../../workflows/erase.ts';
import { listOf, tenantOf } from '../context.ts';
import type { ControlContext } from '../context.ts';
import type { Operations } from '../operation.ts';

/** Of the 29 s that a request may take. */
const ERASE_MS = 18_000;

export function dataOperations(context: ControlContext): Operations<'getAudit' | 'verifyAudit' | 'eraseData'> {
  return {
    async getAudit({ caller, query }) {
      const { catalog } = tenantOf(context, caller);
      return {
        body: await listOf(catalog.audit, query, {
          order: 'ascending',
          ids: AUDIT_ID,
          idOf: ({ id }) => id,
          show: (entry) => entry,
        }),
      };
    },

    async verifyAudit({ caller, query: { after: id, hash } }) {
      const { audit } = tenantOf(context, caller).catalog;
      return { body: await audit.verify(id === undefined || hash === undefined ? undefined : { id, hash }) };
    },

    async eraseData({ caller: from, body }) {
      const { caller, limits: _, ...stores } = tenantOf(context, from);
      if (body.confirm !== caller.tenantId) {
        throw new ServiceError(
          'invalid_request',
          `/confirm: expected the id of your tenant, "${caller.tenantId}", to erase everything it stored`,
          { param: '/confirm' },
        );
      }
      const receipt = await erase(stores, {
        tenantId: caller.tenantId,
        actor: caller.keyId,
        clock: context.clock,
        deadlineMs: context.clock.nowMs() + ERASE_MS,
      });
      return { body: receipt, status: receipt.status === 'done' ? 200 : 202 };
    },
  };
}
