/** Decisions on policies: the rules of the IAM user guide ("Policy evaluation logic", "Condition operators", "Variables"). */
import { describe, expect, it } from '@jest/globals';
import { checkPolicy } from '../../../harness/aws/iam/check-policy.ts';
import { conditionHolds } from '../../../harness/aws/iam/condition.ts';
import { evaluate } from '../../../harness/aws/iam/evaluate.ts';
import { compilePattern, matchesArn, matchesPattern } from '../../../harness/aws/iam/pattern.ts';
import type { Caller, Question } from '../../../harness/aws/iam/evaluate.ts';
import type { ConditionBlock, PolicyDocument, PolicyStatement } from '../../../harness/aws/iam/policy.ts';

const ACCOUNT = '111122223333';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/fn`;
const caller: Caller = {
  kind: 'identity',
  arn: `arn:aws:sts::${ACCOUNT}:assumed-role/fn/s`,
  accountId: ACCOUNT,
  roleArn: ROLE,
};
const context = (values: Record<string, string | readonly string[]>) =>
  new Map(
    Object.entries(values).map(([key, value]) => [key.toLowerCase(), typeof value === 'string' ? [value] : value]),
  );
const policy = (...Statement: PolicyStatement[]): PolicyDocument => ({ Version: '2012-10-17', Statement });
const allow = (
  Action: string | string[],
  Resource: string | string[],
  more: Partial<PolicyStatement> = {},
): PolicyStatement => ({ Effect: 'Allow', Action, Resource, ...more });
const deny = (Action: string, Resource: string, more: Partial<PolicyStatement> = {}): PolicyStatement => ({
  Effect: 'Deny',
  Action,
  Resource,
  ...more,
});

function decide(identity: PolicyDocument[], more: Partial<Question> = {}) {
  return evaluate({
    caller,
    action: 's3:GetObject',
    resource: 'arn:aws:s3:::data/tenants/a/x',
    context: new Map(),
    identityPolicies: identity,
    resourcePolicies: [],
    ...more,
  });
}

describe('an identity policy', () => {
  it.each([
    ['the action and resource themselves', allow('s3:GetObject', 'arn:aws:s3:::data/tenants/a/x'), true],
    ['wildcards', allow('s3:Get*', 'arn:aws:s3:::data/*'), true],
    ['a question mark', allow('s3:GetObjec?', 'arn:aws:s3:::data/tenants/?/x'), true],
    ['an action in another case', allow('S3:getobject', '*'), true],
    ['a resource in another case', allow('s3:GetObject', 'arn:aws:s3:::data/Tenants/*'), false],
    ['one of several', allow(['s3:PutObject', 's3:GetObject'], ['arn:aws:s3:::other', 'arn:aws:s3:::data/*']), true],
    ['another action', allow('s3:PutObject', '*'), false],
    ['another resource', allow('s3:*', 'arn:aws:s3:::data'), false],
    ['NotAction of another', { Effect: 'Allow', NotAction: 's3:Put*', Resource: '*' } as const, true],
    ['NotAction of this', { Effect: 'Allow', NotAction: 's3:Get*', Resource: '*' } as const, false],
    ['NotResource of another', { Effect: 'Allow', Action: '*', NotResource: 'arn:aws:s3:::other/*' } as const, true],
    ['NotResource of this', { Effect: 'Allow', Action: '*', NotResource: 'arn:aws:s3:::data/*' } as const, false],
  ])('with %s', (_name, statement, expected) => {
    expect(decide([policy(statement)]).allowed).toBe(expected);
  });

  it('denies by default, and says so as AWS does', () => {
    expect(decide([])).toEqual({
      allowed: false,
      because: 'because no identity-based policy allows the s3:GetObject action',
    });
  });

  it('denies explicitly whatever is allowed elsewhere', () => {
    const decision = decide([policy(allow('*', '*')), policy(deny('s3:*', '*'))]);

    expect(decision).toEqual({ allowed: false, because: 'with an explicit deny in an identity-based policy' });
  });

  it('is bounded by permissions boundary and session policy', () => {
    const all = policy(allow('*', '*'));
    const puts = policy(allow('s3:PutObject', '*'));

    expect(decide([all], { permissionsBoundary: puts })).toEqual({
      allowed: false,
      because: 'because no permissions boundary allows the s3:GetObject action',
    });
    expect(decide([all], { sessionPolicy: puts })).toEqual({
      allowed: false,
      because: 'because no session policy allows the s3:GetObject action',
    });
    expect(decide([all], { permissionsBoundary: all, sessionPolicy: all }).allowed).toBe(true);
  });
});

describe('a resource policy', () => {
  const resource = (statement: Partial<PolicyStatement>): PolicyDocument =>
    policy({ Effect: 'Allow', Action: 's3:*', Resource: '*', ...statement });
  const one = (statement: Partial<PolicyStatement>, more: Partial<Question> = {}) =>
    decide([], { resourcePolicies: [resource(statement)], ...more });

  it.each([
    ['everybody', '*' as const, true],
    ['everybody in AWS', { AWS: '*' }, true],
    ['the role', { AWS: ROLE }, true],
    ['the session', { AWS: [`arn:aws:sts::${ACCOUNT}:assumed-role/fn/s`] }, true],
    ['another role', { AWS: `${ROLE}2` }, false],
    ['a service', { Service: 'lambda.amazonaws.com' }, false],
    ['the account, which leaves it to identity policies', { AWS: `arn:aws:iam::${ACCOUNT}:root` }, false],
  ])('that names %s', (_name, Principal, expected) => {
    expect(one({ Principal }).allowed).toBe(expected);
  });

  it('allows a service by its name only', () => {
    const lambda: Caller = { kind: 'service', name: 'lambda.amazonaws.com' };

    expect(one({ Principal: { Service: ['lambda.amazonaws.com'] } }, { caller: lambda }).allowed).toBe(true);
    expect(one({ Principal: { Service: 'sns.amazonaws.com' } }, { caller: lambda })).toEqual({
      allowed: false,
      because: 'because no resource-based policy allows the s3:GetObject action',
    });
  });

  it('lets the anonymous in only where it says everybody', () => {
    expect(one({ Principal: '*' }, { caller: { kind: 'anonymous' } }).allowed).toBe(true);
    expect(one({ Principal: { AWS: ROLE } }, { caller: { kind: 'anonymous' } }).allowed).toBe(false);
  });

  it('denies through the account too, and all but those in NotPrincipal', () => {
    const allowed = [policy(allow('*', '*'))];

    expect(decide(allowed, { resourcePolicies: [resource({ Effect: 'Deny', Principal: { AWS: ACCOUNT } })] })).toEqual({
      allowed: false,
      because: 'with an explicit deny in a resource-based policy',
    });
    expect(
      decide(allowed, { resourcePolicies: [resource({ Effect: 'Deny', NotPrincipal: { AWS: ROLE } })] }).allowed,
    ).toBe(true);
    expect(
      decide(allowed, { resourcePolicies: [resource({ Effect: 'Deny', NotPrincipal: { AWS: `${ROLE}2` } })] }).allowed,
    ).toBe(false);
  });
});

describe('a trust policy', () => {
  const assume = (statement: Partial<PolicyStatement>, identity: PolicyDocument[] = []) =>
    decide(identity, {
      action: 'sts:AssumeRole',
      resource: 'arn:aws:iam::1:role/tenant',
      isTrustPolicy: true,
      resourcePolicies: [policy({ Effect: 'Allow', Action: 'sts:AssumeRole', ...statement })],
    }).allowed;

  it('suffices where it names the role', () => {
    expect(assume({ Principal: { AWS: ROLE } })).toBe(true);
  });

  it('needs an identity policy beside it where it names the account', () => {
    expect(assume({ Principal: { AWS: ACCOUNT } })).toBe(false);
    expect(assume({ Principal: { AWS: ACCOUNT } }, [policy(allow('sts:AssumeRole', '*'))])).toBe(true);
  });

  it('cannot be replaced by an identity policy', () => {
    expect(assume({ Principal: { AWS: `${ROLE}2` } }, [policy(allow('*', '*'))])).toBe(false);
  });
});

describe('condition operators', () => {
  const values = context({
    'aws:PrincipalTag/TenantId': 'acme',
    's3:prefix': 'tenants/acme/',
    'dynamodb:LeadingKeys': ['TENANT#acme', 'TENANT#acme#jobs'],
    'aws:SecureTransport': 'true',
    'aws:SourceIp': '10.1.2.3',
    'aws:CurrentTime': '2026-11-23T12:00:00Z',
    'aws:SourceArn': 'arn:aws:execute-api:eu-central-1:1:api/prod/GET/x',
    number: '5',
    empty: [],
  });
  const holds = (block: ConditionBlock) => conditionHolds(block, values, values);

  it.each<[name: string, block: ConditionBlock, expected: boolean]>([
    ['StringEquals', { StringEquals: { 's3:prefix': ['x', 'tenants/acme/'] } }, true],
    ['StringEquals in another case', { StringEquals: { 's3:prefix': 'Tenants/acme/' } }, false],
    ['StringEquals takes * literally', { StringEquals: { 's3:prefix': 'tenants/*' } }, false],
    ['StringEquals with a variable', { StringEquals: { 's3:prefix': 'tenants/${aws:PrincipalTag/TenantId}/' } }, true],
    ['the key in another case', { StringEquals: { 'S3:PREFIX': 'tenants/acme/' } }, true],
    ['StringEquals without the key', { StringEquals: { missing: 'x' } }, false],
    ['StringEqualsIfExists without the key', { StringEqualsIfExists: { missing: 'x' } }, true],
    ['StringNotEquals, none equal', { StringNotEquals: { 's3:prefix': ['a', 'b'] } }, true],
    ['StringNotEquals, one equal', { StringNotEquals: { 's3:prefix': ['a', 'tenants/acme/'] } }, false],
    ['StringNotEquals without the key', { StringNotEquals: { missing: 'x' } }, true],
    ['StringEqualsIgnoreCase', { StringEqualsIgnoreCase: { 's3:prefix': 'TENANTS/acme/' } }, true],
    ['StringLike', { StringLike: { 's3:prefix': 'tenants/*' } }, true],
    ['StringLike with a variable', { StringLike: { 's3:prefix': 'tenants/${aws:PrincipalTag/TenantId}/*' } }, true],
    [
      'StringLike with a variable that is not there',
      { StringLike: { 's3:prefix': '${aws:PrincipalTag/Other}*' } },
      false,
    ],
    ['StringLike with a default', { StringLike: { 's3:prefix': "${aws:PrincipalTag/Other, 'tenants'}/*" } }, true],
    ['StringNotLike', { StringNotLike: { 's3:prefix': 'tenants/*' } }, false],
    ['all operators must hold', { StringLike: { 's3:prefix': '*' }, Bool: { 'aws:SecureTransport': 'false' } }, false],
    ['all keys must hold', { StringLike: { 's3:prefix': '*', missing: '*' } }, false],
    ['Bool', { Bool: { 'aws:SecureTransport': true } }, true],
    ['Null true without the key', { Null: { missing: 'true' } }, true],
    ['Null false with the key', { Null: { 's3:prefix': 'false' } }, true],
    ['Null true with the key', { Null: { 's3:prefix': true } }, false],
    ['NumericLessThan', { NumericLessThan: { number: '10' } }, true],
    ['NumericLessThan is no order of text', { NumericLessThan: { number: '1e1' } }, true],
    ['NumericGreaterThanEquals', { NumericGreaterThanEquals: { number: 5 } }, true],
    ['NumericEquals', { NumericEquals: { number: '5.0' } }, true],
    ['NumericNotEquals', { NumericNotEquals: { number: 5 } }, false],
    ['DateLessThan', { DateLessThan: { 'aws:CurrentTime': '2026-11-24T00:00:00Z' } }, true],
    ['DateGreaterThan with an epoch', { DateGreaterThan: { 'aws:CurrentTime': '1' } }, true],
    ['IpAddress', { IpAddress: { 'aws:SourceIp': ['192.168.0.0/16', '10.0.0.0/8'] } }, true],
    ['NotIpAddress', { NotIpAddress: { 'aws:SourceIp': '10.1.2.0/24' } }, false],
    ['ArnLike by parts', { ArnLike: { 'aws:SourceArn': 'arn:aws:execute-api:*:1:api/*/GET/*' } }, true],
    ['ArnEquals of another account', { ArnEquals: { 'aws:SourceArn': 'arn:aws:execute-api:*:2:*' } }, false],
    ['ArnNotLike', { ArnNotLike: { 'aws:SourceArn': 'arn:aws:s3:*:*:*' } }, true],
  ])('%s', (_name, block, expected) => {
    expect(holds(block)).toBe(expected);
  });

  const leading = ['TENANT#${aws:PrincipalTag/TenantId}', 'TENANT#${aws:PrincipalTag/TenantId}#*'];
  it.each<[name: string, keys: readonly string[] | undefined, all: boolean, any: boolean]>([
    ['all of the tenant', ['TENANT#acme', 'TENANT#acme#jobs'], true, true],
    ['one of another', ['TENANT#acme', 'TENANT#acmee'], false, true],
    ['none', ['TENANT#other'], false, false],
    ['an absent key, which is why Scan must not be granted', undefined, true, false],
  ])('ForAllValues and ForAnyValue: %s', (_name, keys, all, any) => {
    const request = context({ 'aws:PrincipalTag/TenantId': 'acme', ...(keys && { 'dynamodb:LeadingKeys': keys }) });

    expect(conditionHolds({ 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': leading } }, request, request)).toBe(
      all,
    );
    expect(conditionHolds({ 'ForAnyValue:StringLike': { 'dynamodb:LeadingKeys': leading } }, request, request)).toBe(
      any,
    );
  });

  it('does not know other operators', () => {
    expect(() => holds({ StringMatches: { number: '5' } })).toThrow('StringMatches');
  });
});

describe('policy variables', () => {
  const resource = (pattern: string, tag: string, Version: string | undefined = '2012-10-17') =>
    decide([{ Version, Statement: allow('s3:GetObject', pattern) }], {
      context: context({ 'aws:PrincipalTag/TenantId': tag }),
    }).allowed;

  it('stand for the tag of the session', () => {
    expect(resource('arn:aws:s3:::data/tenants/${aws:PrincipalTag/TenantId}/*', 'a')).toBe(true);
    expect(resource('arn:aws:s3:::data/tenants/${aws:PrincipalTag/TenantId}/*', 'b')).toBe(false);
  });

  it('are matched literally: a tag of wildcards opens nothing', () => {
    expect(resource('arn:aws:s3:::data/tenants/${aws:PrincipalTag/TenantId}/*', '*')).toBe(false);
    expect(resource('arn:aws:s3:::data/tenants/${aws:PrincipalTag/TenantId}/*', '?')).toBe(false);
  });

  it('match nothing where the session has no such tag', () => {
    expect(resource('arn:aws:s3:::data/${aws:PrincipalTag/Nothing}*', 'a')).toBe(false);
  });

  it('are plain text before 2012-10-17', () => {
    expect(resource('arn:aws:s3:::data/tenants/${aws:PrincipalTag/TenantId}/*', 'a', '2008-10-17')).toBe(false);
  });
});

describe('patterns', () => {
  it.each([
    ['*', '', true],
    ['a*b*c', 'a--b--b--c', true],
    ['a*b*c', 'a--b--', false],
    ['?', '', false],
    ['**a', 'bca', true],
    ['a', 'ab', false],
  ])('%j on %j', (pattern, value, expected) => {
    expect(matchesPattern(compilePattern(pattern), value)).toBe(expected);
  });

  it('match in polynomial time', () => {
    const started = performance.now();

    expect(matchesPattern(compilePattern('*a'.repeat(50)), `${'a'.repeat(5000)}b`)).toBe(false);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('do not cross the colons of an ARN', () => {
    expect(matchesArn('arn:aws:s3:*:x', 'arn:aws:s3:::x')).toBe(false);
    expect(matchesArn('arn:aws:sns:*:1:*', 'arn:aws:sns:eu:2:1:t')).toBe(false);
    expect(matchesArn('arn:aws:sns:*:1:*', 'arn:aws:sns:eu:1:topic:sub')).toBe(true);
  });
});

describe('the check of a policy before it is used', () => {
  it('refuses an operator that it does not know, by name', () => {
    expect(() => checkPolicy(policy(allow('*', '*', { Condition: { StringMatches: { a: 'b' } } })), 'role fn')).toThrow(
      'role fn: the condition operator StringMatches',
    );
  });

  it('tells the keys that no request carries', () => {
    const Condition: ConditionBlock = {
      StringEquals: { 'aws:PrincipalOrgID': 'o-1', 'AWS:PrincipalTag/TenantId': 'a', 'kms:ViaService': 'x' },
      NumericLessThan: { 's3:TlsVersion': '1.2', 's3:signatureAge': '60000' },
    };

    expect(checkPolicy(policy(allow('*', '*', { Condition })), 'role fn')).toEqual([
      'aws:PrincipalOrgID',
      's3:signatureAge',
    ]);
  });
});
