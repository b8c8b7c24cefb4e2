/** A cloud assembly -> the model of what the harness runs. Reads files, starts nothing. */
import { asObject, asString, objectOr } from './json.ts';
import type { Json } from './json.ts';
import { readAssembly } from './assembly.ts';
import { resolveStacks } from './intrinsics.ts';
import type { StackResolver } from './intrinsics.ts';
import { functionNameOf, readFunctions, readPermissions, resourcesOf } from './functions.ts';
import { readRestApis } from './rest-apis.ts';
import { readRoles } from './roles.ts';
import type { BucketPolicyModel, CloudModel, StorageModel } from './model.ts';

export type * from './model.ts';

export interface ReadOptions {
  readonly accountId?: string;
  readonly region?: string;
  /** Values for template parameters, by name. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** The account every emulator uses; what callers see in ARNs. */
export const LOCAL_ACCOUNT_ID = '123456789012';

function readStorage(resolvers: readonly StackResolver[], type: string): readonly StorageModel[] {
  return resolvers.flatMap((resolver) =>
    resourcesOf(resolver, type).map(({ resource, properties, ref: name, where }) => ({
      stackName: resolver.stack.name,
      logicalId: resource.logicalId,
      name,
      arn: asString(resolver.attribute(resource.logicalId, 'Arn', where), where),
      properties,
    })),
  );
}

function readBucketPolicies(resolvers: readonly StackResolver[]): readonly BucketPolicyModel[] {
  return resolvers.flatMap((resolver) =>
    resourcesOf(resolver, 'AWS::S3::BucketPolicy').map(({ properties, where }) => ({
      bucketName: asString(properties.Bucket, `${where}.Bucket`),
      document: asObject(properties.PolicyDocument, `${where}.PolicyDocument`),
    })),
  );
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function readOutputs(resolver: StackResolver): Record<string, string> {
  const outputs: Record<string, string> = {};
  for (const [id, value] of Object.entries(resolver.stack.outputs)) {
    const where = `${resolver.stack.name}: output ${id}`;
    outputs[id] = textOf(resolver.resolve(objectOr(value, where).Value ?? null, where));
  }
  return outputs;
}

/**
 * Reads the assembly at `path` (a `cdk.out` folder or a template file).
 * @throws naming the resource, for a type the harness does not know and for references that lead nowhere.
 */
export function readCloud(path: string, options: ReadOptions = {}): CloudModel {
  const stacks = readAssembly(path);
  const account = {
    accountId: options.accountId ?? LOCAL_ACCOUNT_ID,
    region: options.region ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? 'us-east-1',
    partition: 'aws',
  };
  const resolvers = resolveStacks(stacks, { ...account, parameters: options.parameters ?? {} });
  for (const resolver of resolvers)
    for (const resource of Object.values(resolver.stack.resources)) resolver.type(resource);
  const functions = resolvers.flatMap(readFunctions);
  const functionArn = (nameOrArn: string) =>
    nameOrArn.startsWith('arn:')
      ? nameOrArn
      : (functions.find((entry) => entry.functionName === functionNameOf(nameOrArn))?.arn ?? nameOrArn);
  return {
    ...account,
    functions,
    restApis: resolvers.flatMap(readRestApis),
    tables: readStorage(resolvers, 'AWS::DynamoDB::Table'),
    buckets: readStorage(resolvers, 'AWS::S3::Bucket'),
    bucketPolicies: readBucketPolicies(resolvers),
    roles: readRoles(resolvers),
    permissions: resolvers.flatMap((resolver) => readPermissions(resolver, functionArn)),
    outputs: Object.fromEntries(resolvers.map((resolver) => [resolver.stack.name, readOutputs(resolver)])),
  };
}
