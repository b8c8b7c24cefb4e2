/** AWS::Lambda::* of a stack -> function models. Source: AWS::Lambda::Function in the CloudFormation reference. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  asNumber,
  asObject,
  asString,
  listOr,
  numberOr,
  objectOr,
  optionalNumber,
  optionalString,
  stringMap,
} from './json.ts';
import type { JsonObject } from './json.ts';
import type { AsyncConfig, FunctionModel, LambdaPermissionModel } from './model.ts';
import type { StackResolver } from './intrinsics.ts';
import type { TemplateResource } from './assembly.ts';

/** Default of EventInvokeConfig.MaximumEventAgeInSeconds: six hours. */
const DEFAULT_EVENT_AGE_S = 21_600;

/** A resource of the stack with its properties resolved. */
export interface ResolvedResource {
  readonly resource: TemplateResource;
  readonly properties: JsonObject;
  readonly ref: string;
  readonly where: string;
}

/** The stack's resources of one type whose condition holds. */
export function resourcesOf(resolver: StackResolver, type: string): readonly ResolvedResource[] {
  const { resources, name } = resolver.stack;
  return Object.values(resources)
    .filter(
      (resource) =>
        resource.type === type && (resource.condition === undefined || resolver.condition(resource.condition)),
    )
    .map((resource) => ({
      resource,
      properties: resolver.properties(resource),
      ref: resolver.type(resource).ref(resolver.identity(resource)),
      where: `${name}/${resource.logicalId}`,
    }));
}

function codeOf(
  resolver: StackResolver,
  { resource, properties, where }: ResolvedResource,
): { codeDir: string | undefined; inlineCode: string | undefined } {
  const assetPath = optionalString(resource.metadata['aws:asset:path'], `${where}: aws:asset:path`);
  const code = objectOr(properties.Code, `${where}.Code`);
  const key = optionalString(code.S3Key, `${where}.Code.S3Key`);
  const codeDir =
    assetPath === undefined ? key && resolver.stack.assetPaths.get(key) : resolve(resolver.stack.directory, assetPath);
  if (codeDir !== undefined && codeDir !== '') {
    const isFolder = statSync(codeDir, { throwIfNoEntry: false })?.isDirectory();
    if (isFolder !== true)
      throw new Error(
        `${where}: the asset ${codeDir} is ${isFolder === undefined ? 'missing: synthesize the app again' : 'a file; the harness runs folders only'}`,
      );
    return { codeDir, inlineCode: undefined };
  }
  const inlineCode = optionalString(code.ZipFile, `${where}.Code.ZipFile`);
  if (inlineCode === undefined)
    throw new Error(`${where}: no code: neither an asset of this assembly nor Code.ZipFile`);
  return { codeDir: undefined, inlineCode };
}

/** The function's name, whether it is given as a name, a partial or a full ARN, with or without a qualifier. */
export function functionNameOf(nameOrArn: string): string {
  const parts = nameOrArn.split(':');
  const marker = parts.indexOf('function');
  return (marker === -1 ? parts[0] : parts[marker + 1]) ?? nameOrArn;
}

function asyncConfigsOf(resolver: StackResolver): ReadonlyMap<string, AsyncConfig[]> {
  const configs = new Map<string, AsyncConfig[]>();
  for (const { properties, where } of resourcesOf(resolver, 'AWS::Lambda::EventInvokeConfig')) {
    const name = functionNameOf(asString(properties.FunctionName, `${where}.FunctionName`));
    const config: AsyncConfig = {
      qualifier: asString(properties.Qualifier, `${where}.Qualifier`),
      maximumRetryAttempts: numberOr(properties.MaximumRetryAttempts, 2, where),
      maximumEventAgeS: numberOr(properties.MaximumEventAgeInSeconds, DEFAULT_EVENT_AGE_S, where),
    };
    configs.set(name, [...(configs.get(name) ?? []), config]);
  }
  return configs;
}

function durableOf(properties: JsonObject, where: string): FunctionModel['durable'] {
  if (properties.DurableConfig === undefined) return undefined;
  const config = asObject(properties.DurableConfig, `${where}.DurableConfig`);
  return {
    executionTimeoutS: asNumber(config.ExecutionTimeout, `${where}.DurableConfig.ExecutionTimeout`),
    retentionDays: numberOr(config.RetentionPeriodInDays, 14, where),
  };
}

function loggingOf(
  properties: JsonObject,
  functionName: string,
  where: string,
): Pick<FunctionModel, 'logGroupName' | 'logFormat' | 'logLevel'> {
  const config = objectOr(properties.LoggingConfig, `${where}.LoggingConfig`);
  return {
    logGroupName: optionalString(config.LogGroup, where) ?? `/aws/lambda/${functionName}`,
    logFormat: config.LogFormat === 'JSON' ? 'JSON' : 'Text',
    logLevel: optionalString(config.ApplicationLogLevel, where),
  };
}

interface Qualifiers {
  readonly versions: ReadonlyMap<string, string[]>;
  readonly aliases: ReadonlyMap<string, Record<string, string>>;
}

function qualifiersOf(resolver: StackResolver): Qualifiers {
  const versions = new Map<string, string[]>();
  for (const { properties, ref, where } of resourcesOf(resolver, 'AWS::Lambda::Version')) {
    const name = functionNameOf(asString(properties.FunctionName, `${where}.FunctionName`));
    versions.set(name, [...(versions.get(name) ?? []), ref.split(':').at(-1) ?? '']);
  }
  const aliases = new Map<string, Record<string, string>>();
  for (const { properties, where } of resourcesOf(resolver, 'AWS::Lambda::Alias')) {
    const name = functionNameOf(asString(properties.FunctionName, `${where}.FunctionName`));
    const alias = asString(properties.Name, `${where}.Name`);
    aliases.set(name, {
      ...aliases.get(name),
      [alias]: asString(properties.FunctionVersion, `${where}.FunctionVersion`),
    });
  }
  return { versions, aliases };
}

/** Every function of the stack. */
export function readFunctions(resolver: StackResolver): readonly FunctionModel[] {
  const asyncConfigs = asyncConfigsOf(resolver);
  const { versions, aliases } = qualifiersOf(resolver);
  return resourcesOf(resolver, 'AWS::Lambda::Function').map((entry) => {
    const { resource, properties, where, ref: functionName } = entry;
    if (properties.PackageType === 'Image')
      throw new Error(`${where}: container images are not emulated (PackageType Image)`);
    if (listOr(properties.Layers, `${where}.Layers`).length > 0)
      throw new Error(`${where}: layers are not emulated (Layers)`);
    const tenancy = objectOr(properties.TenancyConfig, `${where}.TenancyConfig`);
    return {
      stackName: resolver.stack.name,
      logicalId: resource.logicalId,
      constructPath: optionalString(resource.metadata['aws:cdk:path'], where)?.replace(/\/Resource$/, ''),
      functionName,
      arn: asString(resolver.attribute(resource.logicalId, 'Arn', where), where),
      runtime: asString(properties.Runtime, `${where}.Runtime`),
      architecture: optionalString(listOr(properties.Architectures, where)[0], where) ?? 'x86_64',
      handler: asString(properties.Handler, `${where}.Handler`),
      ...codeOf(resolver, entry),
      memoryMb: numberOr(properties.MemorySize, 128, `${where}.MemorySize`),
      timeoutS: numberOr(properties.Timeout, 3, `${where}.Timeout`),
      ephemeralStorageMb: numberOr(
        objectOr(properties.EphemeralStorage, where).Size,
        512,
        `${where}.EphemeralStorage.Size`,
      ),
      environment: stringMap(objectOr(properties.Environment, where).Variables, `${where}.Environment.Variables`),
      roleArn: asString(properties.Role, `${where}.Role`),
      isTenantIsolated: tenancy.TenantIsolationMode === 'PER_TENANT',
      durable: durableOf(properties, where),
      reservedConcurrency: optionalNumber(properties.ReservedConcurrentExecutions, where),
      asyncConfigs: asyncConfigs.get(functionName) ?? [],
      versions: versions.get(functionName) ?? [],
      aliases: aliases.get(functionName) ?? {},
      ...loggingOf(properties, functionName, where),
    };
  });
}

/** Every AWS::Lambda::Permission of the stack. */
export function readPermissions(
  resolver: StackResolver,
  functionArn: (nameOrArn: string) => string,
): readonly LambdaPermissionModel[] {
  return resourcesOf(resolver, 'AWS::Lambda::Permission').map(({ properties, where }) => ({
    functionArn: functionArn(asString(properties.FunctionName, `${where}.FunctionName`)),
    action: asString(properties.Action, `${where}.Action`),
    principal: asString(properties.Principal, `${where}.Principal`),
    sourceArn: optionalString(properties.SourceArn, `${where}.SourceArn`),
  }));
}
