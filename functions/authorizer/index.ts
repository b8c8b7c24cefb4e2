/** API key -> caller. The answer holds for the whole stage, because API Gateway caches it for every route. */
import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent } from 'aws-lambda';
import { epochS, systemClock } from '../../shared/clock.ts';
import { AUTHORIZER_CONTEXT, ENV } from '../../shared/contract.ts';
import { requireEnv } from '../../shared/env.ts';
import { ownClients } from '../../shared/stores/clients.ts';
import { Tenants } from '../../shared/stores/tenants.ts';
import { authorize } from '../../shared/tenancy/authorize.ts';

const tenants = new Tenants(ownClients().dynamo, requireEnv(ENV.tenantsTable));
const credentials = {
  keyBySecret: (hash: string) => tenants.keyBySecret(hash),
  tenant: (id: string) => tenants.profiles.get(id),
};

export const handler = async (event: APIGatewayRequestAuthorizerEvent): Promise<APIGatewayAuthorizerResult> => {
  const decision = await authorize(event.headers ?? {}, credentials, epochS(systemClock));
  const stage = event.methodArn.split('/').slice(0, 2).join('/') + '/*';
  switch (decision.kind) {
    case 'allow': {
      const { tenantId, keyId, plan } = decision.caller;
      const context = {
        [AUTHORIZER_CONTEXT.tenantId]: tenantId,
        [AUTHORIZER_CONTEXT.keyId]: keyId,
        [AUTHORIZER_CONTEXT.plan]: plan,
      };
      return { principalId: tenantId, policyDocument: policy('Allow', stage), context };
    }
    case 'suspended':
      return { principalId: 'suspended', policyDocument: policy('Deny', stage) };
    case 'unauthenticated':
      // API Gateway knows this very message and answers 401.
      throw new Error('Unauthorized');
  }
};

function policy(effect: 'Allow' | 'Deny', resource: string): APIGatewayAuthorizerResult['policyDocument'] {
  return { Version: '2012-10-17', Statement: [{ Action: 'execute-api:Invoke', Effect: effect, Resource: resource }] };
}
