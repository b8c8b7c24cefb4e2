/**
 * The decision about one permission, within one account: an explicit Deny anywhere wins; then a resource policy that
 * names the caller, or an identity policy, must allow; boundary and session policy must allow as well. Pure.
 * Source: IAM user guide, "Policy evaluation logic".
 */
import { conditionHolds } from './condition.ts';
import { compilePattern, matchesPattern } from './pattern.ts';
import { listOf } from './policy.ts';
import type { RequestContext } from './pattern.ts';
import type { PolicyDocument, PolicyPrincipal, PolicyStatement } from './policy.ts';

/** Who asks, as Principal elements see it. */
export type Caller =
  | {
      readonly kind: 'identity';
      readonly arn: string;
      readonly accountId: string;
      readonly roleArn?: string | undefined;
    }
  | { readonly kind: 'service'; readonly name: string }
  | { readonly kind: 'anonymous' };

export interface Question {
  readonly caller: Caller;
  readonly action: string;
  readonly resource: string;
  readonly context: RequestContext;
  readonly identityPolicies: readonly PolicyDocument[];
  readonly resourcePolicies: readonly PolicyDocument[];
  /** Role trust policies have no Resource, and stand for the role itself. */
  readonly isTrustPolicy?: boolean;
  readonly permissionsBoundary?: PolicyDocument | undefined;
  readonly sessionPolicy?: PolicyDocument | undefined;
}

export type Decision = { readonly allowed: true } | { readonly allowed: false; readonly because: string };

/** How far a statement's Principal reaches the caller: by name, or only through its account. */
type Reach = 'direct' | 'account' | undefined;

/** Decides one permission; `because` is the clause that AWS appends to its AccessDenied message. */
export function evaluate(question: Question): Decision {
  const { action, identityPolicies, resourcePolicies, permissionsBoundary, sessionPolicy } = question;
  const layers: readonly [string, readonly PolicyDocument[]][] = [
    ['an identity-based policy', identityPolicies],
    ['a permissions boundary', permissionsBoundary ? [permissionsBoundary] : []],
    ['a session policy', sessionPolicy ? [sessionPolicy] : []],
  ];
  for (const [name, policies] of layers) {
    if (policies.some((policy) => identityEffect(policy, 'Deny', question)))
      return denied(`with an explicit deny in ${name}`);
  }
  const ownsTrust = question.isTrustPolicy === true;
  if (resourcePolicies.some((policy) => reachOf(policy, 'Deny', question) !== undefined)) {
    return denied('with an explicit deny in a resource-based policy');
  }
  const reaches = resourcePolicies.map((policy) => reachOf(policy, 'Allow', question));
  const byIdentity = identityPolicies.some((policy) => identityEffect(policy, 'Allow', question));
  const byResource = reaches.includes('direct');
  if (ownsTrust && !byResource && !reaches.includes('account')) {
    return denied(`because no resource-based policy allows the ${action} action`);
  }
  if (!byIdentity && !byResource) {
    const kind = question.caller.kind === 'identity' ? 'identity-based' : 'resource-based';
    return denied(`because no ${kind} policy allows the ${action} action`);
  }
  for (const [name, policies] of layers.slice(1)) {
    if (policies.length > 0 && !policies.some((policy) => identityEffect(policy, 'Allow', question))) {
      return denied(`because no ${name.replace(/^an? /, '')} allows the ${action} action`);
    }
  }
  return { allowed: true };
}

/** One right of a policy: a statement, and one of the actions it lists. */
export interface Grant {
  readonly statement: PolicyStatement;
  readonly action: string;
}

/** The grants of the identity policies that allow this, whatever else decides it. */
export function grantsFor(question: Question): readonly Grant[] {
  return question.identityPolicies.flatMap((policy) =>
    listOf(policy.Statement)
      .filter(
        (statement) =>
          statement.Effect === 'Allow' && matchesRequest(statement, variablesOf(policy, question.context), question),
      )
      .flatMap((statement) =>
        listOf(statement.Action)
          .filter((action) => matchesAction({ Effect: 'Allow', Action: action }, question.action))
          .map((action) => ({ statement, action })),
      ),
  );
}

const denied = (because: string): Decision => ({ allowed: false, because });

function identityEffect(policy: PolicyDocument, effect: PolicyStatement['Effect'], question: Question): boolean {
  return listOf(policy.Statement).some(
    (statement) =>
      statement.Effect === effect && matchesRequest(statement, variablesOf(policy, question.context), question),
  );
}

function reachOf(policy: PolicyDocument, effect: PolicyStatement['Effect'], question: Question): Reach {
  const reaches = listOf(policy.Statement)
    .filter(
      (statement) =>
        statement.Effect === effect && matchesRequest(statement, variablesOf(policy, question.context), question),
    )
    .map((statement) => principalReach(statement, question.caller));
  return reaches.includes('direct') ? 'direct' : reaches.find((reach) => reach !== undefined);
}

/** Policies without the version of 2012 take `${...}` literally. */
const variablesOf = (policy: PolicyDocument, context: RequestContext): RequestContext | undefined =>
  policy.Version === '2012-10-17' ? context : undefined;

function matchesRequest(
  statement: PolicyStatement,
  variables: RequestContext | undefined,
  question: Question,
): boolean {
  return (
    matchesAction(statement, question.action) &&
    (question.isTrustPolicy === true && statement.Resource === undefined && statement.NotResource === undefined
      ? true
      : matchesResource(statement, question.resource, variables)) &&
    conditionHolds(statement.Condition, question.context, variables)
  );
}

function matchesAction(statement: PolicyStatement, action: string): boolean {
  const isIn = (actions: readonly string[]) =>
    actions.some((pattern) => matchesPattern(compilePattern(pattern.toLowerCase()), action.toLowerCase()));
  return statement.NotAction === undefined ? isIn(listOf(statement.Action)) : !isIn(listOf(statement.NotAction));
}

function matchesResource(statement: PolicyStatement, resource: string, variables: RequestContext | undefined): boolean {
  const isIn = (resources: readonly string[]) =>
    resources.some((pattern) => matchesPattern(compilePattern(pattern, { variables }), resource));
  return statement.NotResource === undefined ? isIn(listOf(statement.Resource)) : !isIn(listOf(statement.NotResource));
}

function principalReach(statement: PolicyStatement, caller: Caller): Reach {
  if (statement.NotPrincipal !== undefined)
    return reachIn(statement.NotPrincipal, caller) === undefined ? 'direct' : undefined;
  return statement.Principal === undefined ? undefined : reachIn(statement.Principal, caller);
}

function reachIn(principal: PolicyPrincipal, caller: Caller): Reach {
  if (principal === '*') return 'direct';
  if (caller.kind === 'service') return listOf(principal['Service']).includes(caller.name) ? 'direct' : undefined;
  const named = listOf(principal['AWS']);
  if (named.includes('*')) return 'direct';
  if (caller.kind === 'anonymous') return undefined;
  if (named.includes(caller.arn) || (caller.roleArn !== undefined && named.includes(caller.roleArn))) return 'direct';
  return named.includes(caller.accountId) || named.includes(`arn:aws:iam::${caller.accountId}:root`)
    ? 'account'
    : undefined;
}
