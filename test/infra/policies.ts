/** The permissions of a role, gathered from every policy that names it. */
import type { Resource, Synthesis } from './synthesis.ts';

export interface Statement {
  readonly effect: string;
  readonly actions: readonly string[];
  readonly resource: unknown;
  readonly condition: unknown;
}

interface PolicyDocument {
  readonly Statement: readonly { Effect: string; Action: string | string[]; Resource?: unknown; Condition?: unknown }[];
}

export function statementsOf(document: PolicyDocument): Statement[] {
  return document.Statement.map(({ Effect, Action, Resource, Condition }) => ({
    effect: Effect,
    actions: [Action].flat(),
    resource: Resource,
    condition: Condition,
  }));
}

/** Identity policies of the role; managed policies are an error, because what they allow is not in the template. */
export function permissionsOf(synthesis: Synthesis, role: Resource): Statement[] {
  if (role.properties['ManagedPolicyArns'] !== undefined) throw new Error(`${role.id} has managed policies`);
  const namesRole = ({ properties }: Resource) =>
    (properties['Roles'] as { Ref: string }[]).some(({ Ref }) => Ref === role.id);
  return synthesis
    .of('AWS::IAM::Policy')
    .filter((policy) => policy.stack === role.stack && namesRole(policy))
    .flatMap((policy) => statementsOf(policy.properties['PolicyDocument'] as PolicyDocument));
}

export function actionsOf(statements: readonly Statement[]): string[] {
  return [...new Set(statements.flatMap(({ actions }) => actions))].sort();
}
