/**
 * API key -> caller. The answer holds for the whole stage, because API Gateway may cache it for every route. A key may come in
 * one of two headers, which API Gateway cannot cache by, so good keys are kept here: a revoked one lives on for 60 s at most.
 */
import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent } from 'aws-lambda';
import { LRUCache } from 'lru-cache';
import { epochS, systemClock } from '../../shared/clock.ts';
import { AUTHORIZER_CACHE_S, AUTHORIZER_CONTEXT, ENV } from '../../shared/contract.ts';
import { requireEnv } from '../../shared/env.ts';
import { ownClients } from '../../shared/stores/clients.ts';
import { Tenants } from '../../shared/stores/tenants.ts';
import { hashSecret, secretOfHeaders } from '../../shared/tenancy/api-key.ts';
import { authorize } from '../../shared/tenancy/authorize.ts';
import type { Decision } from '../../shared/tenancy/authorize.ts';

const tenants = new Tenants(ownClients().dynamo, requireEnv(ENV.tenantsTable));
const credentials = {
  keyBySecret: (hash: string) => tenants.keyBySecret(hash),
  tenant: (id: string) => tenants.profiles.get(id),
};

const allowed = new LRUCache<string, Decision>({ max: 10_000, ttl: AUTHORIZER_CACHE_S * 1000 });

async function decide(headers: Readonly<Record<string, string | undefined>>): Promise<Decision> {
  const hash = hashSecret(secretOfHeaders(headers) ?? '');
  const known = allowed.get(hash);
  if (known !== undefined) return known;
  const decision = await authorize(headers, credentials, epochS(systemClock));
  if (decision.kind === 'allow') allowed.set(hash, decision);
  return decision;
}

export const handler = async (event: APIGatewayRequestAuthorizerEvent): Promise<APIGatewayAuthorizerResult> => {
  const decision = await decide(event.headers ?? {});
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
