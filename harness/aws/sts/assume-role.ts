/**
 * AssumeRole: the role's trust policy decides, with session tags as aws:RequestTag/*; durations and tags within AWS's
 * limits. Source: STS API reference, "AssumeRole"; IAM user guide, "Pass session tags in AWS STS".
 */
import { assumedRoleArn, roleIdOf } from '../credentials.ts';
import { AwsError } from '../service.ts';
import { AuthFailure } from '../wire-errors.ts';
import { memberList, required } from './query.ts';
import type { Authorizer, RequestFacts } from '../authorizer.ts';
import type { AwsCredentials, CredentialStore, SessionClaims } from '../credentials.ts';
import type { PolicyDocument, RoleDefinition } from '../iam/policy.ts';
import type { Permission, Principal } from '../service.ts';

const MIN_DURATION_S = 900;
const CHAINED_MAX_DURATION_S = 3600;
const MAX_TAGS = 50;
const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

export interface AssumedRole {
  readonly credentials: AwsCredentials & { readonly sessionToken: string; readonly expiresAtEpochS: number };
  readonly arn: string;
  readonly assumedRoleId: string;
}

export interface StsParts {
  readonly authorizer: Authorizer;
  readonly credentials: CredentialStore;
  readonly now: () => number;
}

/** Throws STS's errors: AccessDenied, ValidationError, InvalidParameterValue, MalformedPolicyDocument. */
export function assumeRole(
  parts: StsParts,
  caller: Principal,
  facts: RequestFacts,
  form: URLSearchParams,
): AssumedRole {
  const roleArn = required(form, 'RoleArn');
  const sessionName = required(form, 'RoleSessionName');
  if (!/^[\w+=,.@-]{2,64}$/.test(sessionName))
    throw invalid('RoleSessionName must be 2 to 64 characters of [\\w+=,.@-]', sessionName);
  refuseUnsupported(form);
  const tags = readTags(form);
  const transitive = memberList(form, 'TransitiveTagKeys');
  const inherited = Object.fromEntries((caller.transitiveTagKeys ?? []).map((key) => [key, caller.tags[key] ?? '']));
  const overridden = Object.keys(tags).find((key) => key in inherited);
  if (overridden !== undefined)
    throw new AwsError(
      400,
      'InvalidParameterValue',
      `Tag key ${overridden} was inherited as a transitive tag and cannot be set again.`,
    );
  const role = parts.authorizer.role(roleArn);
  const context = requestKeys(form, sessionName, tags, transitive);
  demandTrust(parts, { caller, role, roleArn, facts, context, hasTags: Object.keys(tags).length > 0 });
  const issuedAtEpochS = Math.floor(parts.now() / 1000);
  const sessionPolicy = readPolicy(form);
  const transitiveTagKeys = [...new Set([...transitive, ...Object.keys(inherited)])];
  const claims: SessionClaims = {
    roleArn,
    sessionName,
    issuedAtEpochS,
    expiresAtEpochS: issuedAtEpochS + durationS(form, role!, caller),
    tags: { ...inherited, ...tags },
    ...(transitiveTagKeys.length > 0 && { transitiveTagKeys }),
    ...(sessionPolicy && { sessionPolicy }),
  };
  return {
    credentials: parts.credentials.issue(claims),
    arn: assumedRoleArn(roleArn, sessionName),
    assumedRoleId: `${roleIdOf(roleArn)}:${sessionName}`,
  };
}

/** The trust policy must allow sts:AssumeRole, and sts:TagSession where tags are passed. An unknown role is a denied one. */
function demandTrust(
  parts: StsParts,
  request: {
    caller: Principal;
    role: RoleDefinition | undefined;
    roleArn: string;
    facts: RequestFacts;
    context: NonNullable<Permission['context']>;
    hasTags: boolean;
  },
): void {
  const { caller, role, roleArn, facts, context } = request;
  for (const action of request.hasTags ? ['sts:AssumeRole', 'sts:TagSession'] : ['sts:AssumeRole']) {
    const permission = { action, resource: roleArn, context };
    const decision =
      role &&
      parts.authorizer.decide(caller, permission, { facts, resourcePolicy: role.trustPolicy, isTrustPolicy: true });
    if (decision?.allowed) continue;
    throw new AuthFailure('denied', { arn: caller.arn, action, resource: roleArn, because: decision?.because ?? '' });
  }
}

function requestKeys(
  form: URLSearchParams,
  sessionName: string,
  tags: Record<string, string>,
  transitive: readonly string[],
) {
  const context: Record<string, string | readonly string[]> = { 'sts:RoleSessionName': sessionName };
  for (const [key, value] of Object.entries(tags)) context[`aws:RequestTag/${key}`] = value;
  if (Object.keys(tags).length > 0) context['aws:TagKeys'] = Object.keys(tags);
  if (transitive.length > 0) context['sts:TransitiveTagKeys'] = transitive;
  const externalId = form.get('ExternalId');
  if (externalId !== null) context['sts:ExternalId'] = externalId;
  return context;
}

function readTags(form: URLSearchParams): Record<string, string> {
  const tags: Record<string, string> = {};
  const seen = new Set<string>();
  for (let index = 1; form.has(`Tags.member.${index}.Key`); index++) {
    const key = form.get(`Tags.member.${index}.Key`)!;
    const value = form.get(`Tags.member.${index}.Value`) ?? '';
    if (key.length < 1 || key.length > 128 || !TAG_TEXT.test(key))
      throw invalid('a tag key must be 1 to 128 letters, numbers, spaces or _.:/=+-@', key);
    if (value.length > 256 || !TAG_TEXT.test(value))
      throw invalid('a tag value must be at most 256 letters, numbers, spaces or _.:/=+-@', value);
    // Keys differ by more than case, as in IAM.
    if (seen.has(key.toLowerCase()))
      throw new AwsError(
        400,
        'InvalidParameterValue',
        'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
      );
    seen.add(key.toLowerCase());
    tags[key] = value;
  }
  if (seen.size > MAX_TAGS) throw invalid(`at most ${MAX_TAGS} session tags`, String(seen.size));
  return tags;
}

function readPolicy(form: URLSearchParams): PolicyDocument | undefined {
  const text = form.get('Policy');
  if (text === null) return undefined;
  try {
    return JSON.parse(text) as PolicyDocument;
  } catch (cause) {
    throw Object.assign(new AwsError(400, 'MalformedPolicyDocument', 'The session policy is not JSON.'), { cause });
  }
}

function durationS(form: URLSearchParams, role: RoleDefinition, caller: Principal): number {
  const text = form.get('DurationSeconds') ?? '3600';
  const duration = Number(text);
  const maxS = role.maxSessionDurationS ?? 3600;
  if (!Number.isInteger(duration) || duration < MIN_DURATION_S)
    throw invalid(`DurationSeconds must be an integer of at least ${MIN_DURATION_S}`, text);
  if (caller.roleArn !== undefined && duration > CHAINED_MAX_DURATION_S) {
    throw new AwsError(
      400,
      'ValidationError',
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    );
  }
  if (duration > maxS)
    throw new AwsError(
      400,
      'ValidationError',
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    );
  return duration;
}

function refuseUnsupported(form: URLSearchParams): void {
  const name = [...form.keys()].find((key) =>
    /^(PolicyArns|SerialNumber|TokenCode|SourceIdentity|ProvidedContexts)/.test(key),
  );
  if (name !== undefined)
    throw new AwsError(400, 'InvalidAction', `The local STS does not implement the parameter ${name} of AssumeRole.`);
}

const invalid = (expected: string, got: string): AwsError =>
  new AwsError(400, 'ValidationError', `1 validation error detected: ${expected}, got '${got.slice(0, 64)}'`);
