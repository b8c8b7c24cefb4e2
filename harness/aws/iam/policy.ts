/**
 * IAM policies as data: what the template's roles, trust policies and bucket policies look like once intrinsics are
 * resolved. Source: IAM user guide, "IAM JSON policy elements reference".
 */

export type OneOrMany<T> = T | readonly T[];

/** `{"AWS": ...}`, `{"Service": ...}` or `"*"`. */
export type PolicyPrincipal = '*' | Readonly<Record<string, OneOrMany<string>>>;

/** Operator -> condition key -> expected values. */
export type ConditionBlock = Readonly<Record<string, Readonly<Record<string, OneOrMany<string | number | boolean>>>>>;

export interface PolicyStatement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: OneOrMany<string>;
  readonly NotAction?: OneOrMany<string>;
  readonly Resource?: OneOrMany<string>;
  readonly NotResource?: OneOrMany<string>;
  readonly Principal?: PolicyPrincipal;
  readonly NotPrincipal?: PolicyPrincipal;
  readonly Condition?: ConditionBlock;
}

export interface PolicyDocument {
  readonly Version?: string;
  readonly Statement: OneOrMany<PolicyStatement>;
}

/** A role of the template (AWS::IAM::Role with its AWS::IAM::Policy resources folded in). */
export interface RoleDefinition {
  readonly arn: string;
  readonly name: string;
  /** AssumeRolePolicyDocument. */
  readonly trustPolicy: PolicyDocument;
  /** Inline, attached and customer-managed policies. */
  readonly policies: readonly PolicyDocument[];
  readonly permissionsBoundary?: PolicyDocument;
  readonly tags?: Readonly<Record<string, string>>;
  /** Default 3600. */
  readonly maxSessionDurationS?: number;
}

/** The values as a list, for elements that may be written as one value. */
export function listOf<T extends string | number | boolean | object>(value: OneOrMany<T> | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}
