/**
 * Lambda authorizers: identity sources, the call, the policy against the method's ARN, and the cache of answers.
 * Source: API Gateway developer guide, "Use API Gateway Lambda authorizers" and its output format.
 */
import type { AuthorizerModel } from '../template/index.ts';
import { isObject } from '../template/json.ts';
import type { Json, JsonObject } from '../template/json.ts';
import { GatewayError } from './gateway-error.ts';
import { evaluateSource } from './parameter-mapping.ts';
import type { MappingSources } from './parameter-mapping.ts';

/** What a caller is allowed, and what the integration learns of it. */
export interface Authorization {
  readonly principalId: string;
  readonly context: Readonly<Record<string, string>>;
  readonly statements: readonly JsonObject[];
}

/** The call of the authorizer's function: its answer, or the error it threw. */
export type CallAuthorizer = (
  authorizer: AuthorizerModel,
  event: Record<string, unknown>,
) => Promise<{ answer: Json } | { errorMessage: string }>;

const list = (value: Json | undefined): readonly Json[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly Json[]) : [value];

function wildcard(pattern: string): RegExp {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${escaped}$`, 's');
}

function configurationError(why: string): GatewayError {
  return Object.assign(new GatewayError('AUTHORIZER_CONFIGURATION_ERROR', 'Internal server error'), { cause: why });
}

function readAnswer(answer: Json): Authorization {
  if (!isObject(answer) || typeof answer.principalId !== 'string')
    throw configurationError('the answer has no principalId');
  const policy = answer.policyDocument;
  if (!isObject(policy) || policy.Statement === undefined)
    throw configurationError('the answer has no policyDocument with a Statement');
  const statements = list(policy.Statement).filter(isObject);
  const context: Record<string, string> = {};
  for (const [key, value] of Object.entries(isObject(answer.context) ? answer.context : {})) {
    if (value === null || value === undefined) continue;
    if (typeof value === 'object')
      throw configurationError(`context.${key} is neither a string, a number nor a boolean`);
    context[key] = String(value);
  }
  return { principalId: answer.principalId, context, statements };
}

function applies(statement: JsonObject, methodArn: string): boolean {
  const actions = list(statement.Action).map(String);
  const resources = list(statement.Resource).map(String);
  return (
    actions.some((action) => wildcard(action.toLowerCase()).test('execute-api:invoke')) &&
    resources.some((resource) => wildcard(resource).test(methodArn))
  );
}

/** @throws GatewayError ACCESS_DENIED unless a statement allows the method and none denies it. */
function demand({ statements, context }: Authorization, methodArn: string): void {
  const effects = statements.filter((statement) => applies(statement, methodArn)).map((statement) => statement.Effect);
  if (effects.includes('Deny'))
    throw new GatewayError(
      'ACCESS_DENIED',
      'User is not authorized to access this resource with an explicit deny in an identity-based policy',
      context,
    );
  if (!effects.includes('Allow'))
    throw new GatewayError('ACCESS_DENIED', 'User is not authorized to access this resource', context);
}

export class AuthorizerGate {
  readonly #call: CallAuthorizer;
  readonly #nowMs: () => number;
  readonly #cache = new Map<string, { until: number; authorization: Authorization }>();

  constructor(call: CallAuthorizer, nowMs: () => number = Date.now) {
    this.#call = call;
    this.#nowMs = nowMs;
  }

  /**
   * Who the caller is, from the cache or from the authorizer's function.
   * @throws GatewayError UNAUTHORIZED, ACCESS_DENIED or AUTHORIZER_CONFIGURATION_ERROR.
   */
  async authorize(
    authorizer: AuthorizerModel,
    request: { sources: MappingSources; methodArn: string; event: Record<string, unknown> },
  ): Promise<Authorization> {
    const identity = authorizer.identitySources.map((source) => evaluateSource(source, request.sources));
    const isIncomplete = identity.some((value) => value === undefined || value === '');
    const token = identity[0] ?? '';
    const isInvalid =
      authorizer.type === 'TOKEN' &&
      authorizer.identityValidation !== undefined &&
      !new RegExp(authorizer.identityValidation).test(token);
    if (isIncomplete || isInvalid) throw new GatewayError('UNAUTHORIZED', 'Unauthorized');
    const isCached = authorizer.ttlS > 0 && identity.length > 0;
    const key = JSON.stringify([authorizer.authorizerId, ...identity]);
    const known = isCached ? this.#cache.get(key) : undefined;
    const authorization =
      known && known.until > this.#nowMs() ? known.authorization : await this.#ask(authorizer, request, token);
    if (isCached && authorization !== known?.authorization) {
      this.#forgetExpired();
      this.#cache.set(key, { until: this.#nowMs() + authorizer.ttlS * 1000, authorization });
    }
    demand(authorization, request.methodArn);
    return authorization;
  }

  async #ask(
    authorizer: AuthorizerModel,
    request: { methodArn: string; event: Record<string, unknown> },
    token: string,
  ): Promise<Authorization> {
    const event =
      authorizer.type === 'TOKEN'
        ? { type: 'TOKEN', methodArn: request.methodArn, authorizationToken: token }
        : request.event;
    const result = await this.#call(authorizer, event);
    if ('answer' in result) return readAnswer(result.answer);
    // The one message that API Gateway understands.
    if (result.errorMessage === 'Unauthorized') throw new GatewayError('UNAUTHORIZED', 'Unauthorized');
    throw configurationError(result.errorMessage);
  }

  #forgetExpired(): void {
    for (const [key, entry] of this.#cache) if (entry.until <= this.#nowMs()) this.#cache.delete(key);
  }
}
