/**
 * API key -> caller. The answer holds for the whole stage, because API Gateway may cache it for every route. A key may come in
 * one of two headers, which API Gateway cannot cache by, so good keys are kept here: a revoked one lives on for 60 s at most.
 */
import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent } from 'aws-lambda';
import { systemClock } from '../../shared/clock.ts';
import { ENV } from '../../shared/contract.ts';
import { requireEnv } from '../../shared/env.ts';
import { CredentialCache } from '../../shared/stores/credential-cache.ts';
import { ownClients } from '../../shared/stores/clients.ts';
import { Tenants } from '../../shared/stores/tenants.ts';
import { toContext } from '../../shared/tenancy/caller.ts';
import { isSignedAlone } from '../../shared/tenancy/signed-request.ts';
import { logger } from '../logger.ts';

const tenants = new Tenants(ownClients().dynamo, requireEnv(ENV.tenantsTable), Number(requireEnv(ENV.gbSecondUsd)));
const credentials = new CredentialCache(tenants, {
  clock: systemClock,
  onDefect: (error) => logger.error('the use of a key was not noted', { error: error as Error }),
});

/** Where clients of AWS, which sign what they send, find their routes. */
const SIGNED_ROUTES = '/endpoints/';

export const handler = async (event: APIGatewayRequestAuthorizerEvent): Promise<APIGatewayAuthorizerResult> => {
  const headers = event.headers ?? {};
  const isSigned = event.path.startsWith(SIGNED_ROUTES) && isSignedAlone(headers);
  const paths = [event.requestContext.path, event.path];
  const { decision, signingKey } = isSigned
    ? await credentials.decideSigned({ method: event.httpMethod, paths, headers })
    : { decision: await credentials.decide(headers), signingKey: undefined };
  const [api] = event.methodArn.split('/');
  const stage = `${api}/${event.requestContext.stage}/*${isSigned ? SIGNED_ROUTES + '*' : ''}`;
  switch (decision.kind) {
    case 'allow': {
      const { caller } = decision;
      return {
        principalId: caller.tenantId,
        policyDocument: policy('Allow', stage),
        context: toContext(caller, signingKey),
      };
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
