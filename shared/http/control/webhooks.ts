/** The secret that signs a tenant's webhooks. */
import type { WebhookSecretRecord } from '../../resources/webhook.ts';
import { rotateSecret, webhookSecret } from '../../workflows/webhook.ts';
import { tenantOf } from '../context.ts';
import type { ControlContext } from '../context.ts';
import type { Operations } from '../operation.ts';

export function webhookOperations(context: ControlContext): Operations<'getWebhookSecret' | 'rotateWebhookSecret'> {
  return {
    async getWebhookSecret({ caller }) {
      return { body: show(await webhookSecret(tenantOf(context, caller).catalog, context.clock)) };
    },

    async rotateWebhookSecret({ caller }) {
      return { body: show(await rotateSecret(tenantOf(context, caller).catalog, context.clock)) };
    },
  };
}

function show({ previous_secret: _secret, previous_until: _until, ...shown }: WebhookSecretRecord) {
  return shown;
}
