/**
 * Puts the template's policies together for a decision: the caller's role and session, the resource's policy, and the
 * condition keys of the request. Loopback counts as TLS here (aws:SecureTransport is true), so that a bucket's usual
 * "TLS only" statement does not shut out the laptop.
 */
import { checkPolicy } from './iam/check-policy.ts';
import { evaluate, grantsFor } from './iam/evaluate.ts';
import { AuthFailure } from './wire-errors.ts';
import type { Caller, Decision, Grant, Question } from './iam/evaluate.ts';
import type { PolicyDocument, RoleDefinition } from './iam/policy.ts';
import type { RequestContext } from './iam/pattern.ts';
import type { Permission, Principal } from './service.ts';

/** What the operator may do; a policy's explicit Deny holds for the operator too. */
const ADMINISTRATOR: PolicyDocument = {
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Action: '*', Resource: '*' },
};

export interface RequestFacts {
  readonly region: string;
  readonly nowMs: number;
  readonly sourceIp?: string | undefined;
  readonly userAgent?: string | undefined;
}

/** A decision about a role's session: what it asked for, and which grants of the role allow it. */
export interface RoleDecision {
  readonly role: RoleDefinition;
  readonly permission: Permission;
  readonly grants: readonly Grant[];
  readonly decision: Decision;
}

export class Authorizer {
  readonly #roles: Map<string, RoleDefinition>;
  /** Told of every decision about a role, for those who ask whether a policy is too wide or too narrow. */
  onDecision: ((decision: RoleDecision) => void) | undefined;

  /** Throws for a policy that cannot be evaluated; `warn` hears of condition keys that no request here carries. */
  constructor(roles: readonly RoleDefinition[], warn: (message: string) => void) {
    for (const role of roles) {
      for (const policy of [role.trustPolicy, ...role.policies]) warnOfKeys(policy, `role ${role.name}`, warn);
    }
    this.#roles = new Map(roles.map((role) => [role.arn, role]));
  }

  /** Gives a known role other policies from now on, for its running sessions too, or another trust policy. */
  setPolicies(arn: string, changed: Partial<Pick<RoleDefinition, 'policies' | 'trustPolicy'>>): void {
    const role = this.#roles.get(arn);
    if (role === undefined) throw new Error(`the template has no role ${arn}`);
    this.#roles.set(arn, { ...role, ...changed });
  }

  role(arn: string): RoleDefinition | undefined {
    return this.#roles.get(arn);
  }

  /** May the principal (undefined: anonymous) do this, given the resource's own policy? */
  decide(
    principal: Principal | undefined,
    permission: Permission,
    options: { facts: RequestFacts; resourcePolicy?: PolicyDocument | undefined; isTrustPolicy?: boolean },
  ): Decision {
    const role = principal?.roleArn === undefined ? undefined : this.#roles.get(principal.roleArn);
    const question: Question = {
      caller: callerOf(principal),
      action: permission.action,
      resource: permission.resource,
      context: requestContext(principal, permission, options.facts, role),
      identityPolicies:
        principal === undefined ? [] : principal.roleArn === undefined ? [ADMINISTRATOR] : (role?.policies ?? []),
      resourcePolicies: options.resourcePolicy ? [options.resourcePolicy] : [],
      isTrustPolicy: options.isTrustPolicy ?? false,
      permissionsBoundary: role?.permissionsBoundary,
      sessionPolicy: principal?.sessionPolicy,
    };
    const decision = evaluate(question);
    if (role !== undefined && this.onDecision !== undefined)
      this.onDecision({ role, permission, grants: grantsFor(question), decision });
    return decision;
  }

  /** Throws the service's AccessDenied where `decide` says no. */
  demand(principal: Principal | undefined, permission: Permission, options: Parameters<Authorizer['decide']>[2]): void {
    const decision = this.decide(principal, permission, options);
    if (decision.allowed) return;
    if (principal === undefined) throw new AuthFailure('unsigned', {});
    const { action, resource } = permission;
    throw new AuthFailure('denied', { arn: principal.arn, action, resource, because: decision.because });
  }
}

/** A key that is never there decides conditions in its own way, which the reader of an AccessDenied should know. */
export function warnOfKeys(policy: PolicyDocument, where: string, warn: (message: string) => void): void {
  const unknown = checkPolicy(policy, where);
  if (unknown.length > 0)
    warn(`${where}: no request to the local AWS carries the condition key ${unknown.join(', ')}; it counts as absent`);
}

function callerOf(principal: Principal | undefined): Caller {
  if (principal === undefined) return { kind: 'anonymous' };
  return { kind: 'identity', arn: principal.arn, accountId: principal.accountId, roleArn: principal.roleArn };
}

/** The condition keys of a request, by lower-case name. */
function requestContext(
  principal: Principal | undefined,
  permission: Permission,
  facts: RequestFacts,
  role: RoleDefinition | undefined,
): RequestContext {
  const context = new Map<string, readonly string[]>();
  const set = (key: string, value: string | readonly string[] | undefined) => {
    if (value !== undefined) context.set(key.toLowerCase(), typeof value === 'string' ? [value] : value);
  };
  set('aws:SecureTransport', 'true');
  set('aws:ViaAWSService', 'false');
  set('aws:RequestedRegion', facts.region);
  set('aws:CurrentTime', new Date(facts.nowMs).toISOString());
  set('aws:EpochTime', String(Math.floor(facts.nowMs / 1000)));
  set('aws:SourceIp', facts.sourceIp);
  set('aws:UserAgent', facts.userAgent);
  if (principal !== undefined) {
    set('aws:PrincipalArn', principal.roleArn ?? principal.arn);
    set('aws:PrincipalAccount', principal.accountId);
    set('aws:ResourceAccount', principal.accountId);
    set('aws:PrincipalType', principal.roleArn === undefined ? 'User' : 'AssumedRole');
    if (principal.issuedAtEpochS !== undefined)
      set('aws:TokenIssueTime', new Date(principal.issuedAtEpochS * 1000).toISOString());
    for (const [key, value] of Object.entries({ ...role?.tags, ...principal.tags }))
      set(`aws:PrincipalTag/${key}`, value);
  }
  for (const [key, value] of Object.entries(permission.context ?? {})) set(key, value);
  return context;
}
