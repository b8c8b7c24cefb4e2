/**
 * AWS::IAM::* of all stacks -> roles with every policy that reaches them. Of AWS's managed policies only those that an
 * execution role of Lambda needs are known; their statements are written from the AWS managed policy reference.
 */
import { asObject, asString, listOr, numberOr } from './json.ts';
import type { JsonObject } from './json.ts';
import { resourcesOf } from './functions.ts';
import type { StackResolver } from './intrinsics.ts';
import type { RoleModel } from './model.ts';

const LOGS = ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'];
const DURABLE = ['lambda:CheckpointDurableExecution', 'lambda:GetDurableExecutionState'];
const XRAY = [
  'xray:PutTraceSegments',
  'xray:PutTelemetryRecords',
  'xray:GetSamplingRules',
  'xray:GetSamplingTargets',
  'xray:GetSamplingStatisticSummaries',
];

/** AWS managed policy name -> actions on any resource. API Gateway's own logging role is never assumed here. */
const AWS_MANAGED: Readonly<Record<string, readonly string[]>> = {
  AWSLambdaBasicExecutionRole: LOGS,
  AWSLambdaBasicDurableExecutionRolePolicy: [...LOGS, ...DURABLE],
  AWSXRayDaemonWriteAccess: XRAY,
  AmazonAPIGatewayPushToCloudWatchLogs: [],
};

function awsManaged(arn: string, where: string): JsonObject {
  const name = arn.split('/').at(-1) ?? '';
  const actions = AWS_MANAGED[name];
  if (!actions)
    throw new Error(
      `${where}: the AWS managed policy ${name} is not known to the harness; add it to harness/template/roles.ts`,
    );
  return {
    Version: '2012-10-17',
    Statement: actions.length === 0 ? [] : [{ Effect: 'Allow', Action: actions, Resource: '*' }],
  };
}

/** Policies that name their roles: AWS::IAM::Policy and AWS::IAM::ManagedPolicy, as role name -> documents. */
function attachedPolicies(resolvers: readonly StackResolver[]): {
  byRole: Map<string, JsonObject[]>;
  managed: Map<string, JsonObject>;
} {
  const byRole = new Map<string, JsonObject[]>();
  const managed = new Map<string, JsonObject>();
  for (const resolver of resolvers) {
    for (const type of ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy']) {
      for (const { properties, ref, where } of resourcesOf(resolver, type)) {
        const document = asObject(properties.PolicyDocument, `${where}.PolicyDocument`);
        if (type === 'AWS::IAM::ManagedPolicy') managed.set(ref, document);
        for (const role of listOr(properties.Roles, `${where}.Roles`)) {
          const name = asString(role, `${where}.Roles`);
          byRole.set(name, [...(byRole.get(name) ?? []), document]);
        }
      }
    }
  }
  return { byRole, managed };
}

/** Every role of the assembly. */
export function readRoles(resolvers: readonly StackResolver[]): readonly RoleModel[] {
  const { byRole, managed } = attachedPolicies(resolvers);
  return resolvers.flatMap((resolver) =>
    resourcesOf(resolver, 'AWS::IAM::Role').map(({ resource, properties, ref: roleName, where }) => {
      const inline = listOr(properties.Policies, `${where}.Policies`).map((entry) =>
        asObject(asObject(entry, where).PolicyDocument, `${where}.Policies`),
      );
      const byArn = listOr(properties.ManagedPolicyArns, `${where}.ManagedPolicyArns`).map((entry) => {
        const arn = asString(entry, `${where}.ManagedPolicyArns`);
        return managed.get(arn) ?? awsManaged(arn, where);
      });
      return {
        stackName: resolver.stack.name,
        logicalId: resource.logicalId,
        roleName,
        arn: asString(resolver.attribute(resource.logicalId, 'Arn', where), where),
        trustPolicy: asObject(properties.AssumeRolePolicyDocument, `${where}.AssumeRolePolicyDocument`),
        policies: [...inline, ...byArn, ...(byRole.get(roleName) ?? [])],
        maxSessionDurationS: numberOr(properties.MaxSessionDuration, 3600, where),
      };
    }),
  );
}
