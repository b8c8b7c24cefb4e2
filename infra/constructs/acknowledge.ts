/** The findings of cdk-nag that stand, each with its reason beside the construct that causes it. */
import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** `findings`: rule id, as the report names it (`AwsSolutions-IAM5[Resource::*]`), to the reason that it stands. */
export function acknowledge(construct: IConstruct, findings: Readonly<Record<string, string>>): void {
  for (const [id, reason] of Object.entries(findings)) Validations.of(construct).acknowledge({ id, reason });
}

/** An ARN of a resource that ends in a wildcard: what IAM5 finds. */
export interface WildcardArn {
  /** The construct whose attribute the ARN is. */
  readonly owner: IConstruct;
  readonly arn: string;
  readonly suffix: string;
}

/** Acknowledges the wildcard in a policy under `construct`, by the name that the report gives it. */
export function acknowledgeWildcard(construct: IConstruct, { owner, arn, suffix }: WildcardArn, reason: string): void {
  const name = Stack.of(construct) === Stack.of(owner) ? attributeName(owner, arn) : exportName(owner, arn);
  acknowledge(construct, {
    [`AwsSolutions-IAM5[Resource::${name}${suffix.replaceAll('${', '<').replaceAll('}', '>')}]`]: reason,
  });
}

/** Within a stack an ARN is `<LogicalId.Arn>`. */
function attributeName(owner: IConstruct, arn: string): string {
  const { 'Fn::GetAtt': attribute } = Stack.of(owner).resolve(arn) as { 'Fn::GetAtt': string[] };
  return `<${attribute.join('.')}>`;
}

/** From another stack it is the name of the export, which CDK makes for the reference anyway. */
function exportName(owner: IConstruct, arn: string): string {
  const { 'Fn::ImportValue': name } = Stack.of(owner).resolve(Stack.of(owner).exportValue(arn)) as {
    'Fn::ImportValue': string;
  };
  return name;
}
