/**
 * Reads a CDK cloud assembly (`cdk.out`): the stacks of manifest.json, their templates, and where each asset lies. A
 * plain template file is an assembly of one stack. Source: @aws-cdk/cloud-assembly-schema.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { asObject, asString, objectOr, optionalString, parseJson } from './json.ts';
import type { Json, JsonObject } from './json.ts';

export interface StackTemplate {
  readonly name: string;
  readonly resources: Readonly<Record<string, TemplateResource>>;
  readonly outputs: JsonObject;
  readonly parameters: JsonObject;
  readonly conditions: JsonObject;
  readonly mappings: JsonObject;
  /** S3 object key of an asset -> its absolute path. */
  readonly assetPaths: ReadonlyMap<string, string>;
  /** Folder that `aws:asset:path` is relative to. */
  readonly directory: string;
}

export interface TemplateResource {
  readonly logicalId: string;
  readonly type: string;
  readonly properties: JsonObject;
  readonly metadata: JsonObject;
  readonly condition: string | undefined;
}

function readJson(path: string): JsonObject {
  return asObject(parseJson(readFileSync(path, 'utf8'), path), path);
}

function readAssetManifest(path: string): Map<string, string> {
  const paths = new Map<string, string>();
  const files = objectOr(readJson(path).files, `${path}: files`);
  for (const [hash, entry] of Object.entries(files)) {
    const where = `${path}: files.${hash}`;
    const file = asObject(entry, where);
    const source = asObject(file.source, `${where}.source`);
    if (source.path === undefined) continue;
    for (const destination of Object.values(objectOr(file.destinations, `${where}.destinations`))) {
      const key = asString(asObject(destination, where).objectKey, `${where}.objectKey`);
      paths.set(key, resolve(dirname(path), asString(source.path, `${where}.source.path`)));
    }
  }
  return paths;
}

function readResource(logicalId: string, value: Json | undefined, where: string): TemplateResource {
  const resource = asObject(value, where);
  return {
    logicalId,
    type: asString(resource.Type, `${where}.Type`),
    properties: objectOr(resource.Properties, `${where}.Properties`),
    metadata: objectOr(resource.Metadata, `${where}.Metadata`),
    condition: optionalString(resource.Condition, `${where}.Condition`),
  };
}

function readStack(name: string, templateFile: string, assetPaths: ReadonlyMap<string, string>): StackTemplate {
  const template = readJson(templateFile);
  const resources: Record<string, TemplateResource> = {};
  for (const [logicalId, value] of Object.entries(objectOr(template.Resources, `${templateFile}: Resources`))) {
    resources[logicalId] = readResource(logicalId, value, `${name}/${logicalId}`);
  }
  return {
    name,
    resources,
    outputs: objectOr(template.Outputs, `${name}: Outputs`),
    parameters: objectOr(template.Parameters, `${name}: Parameters`),
    conditions: objectOr(template.Conditions, `${name}: Conditions`),
    mappings: objectOr(template.Mappings, `${name}: Mappings`),
    assetPaths,
    directory: dirname(templateFile),
  };
}

/**
 * Reads every stack of the assembly at `path`: a `cdk.out` folder, its manifest.json, or one template file.
 * @throws if there is no assembly, with what to run.
 */
export function readAssembly(path: string): readonly StackTemplate[] {
  if (!existsSync(path))
    throw new Error(
      `no cloud assembly at ${path}: synthesize the app first (npm run synth) or name it with --template`,
    );
  const isFolder = statSync(path).isDirectory();
  const manifestFile = isFolder ? join(path, 'manifest.json') : path;
  if (!existsSync(manifestFile))
    throw new Error(`${path} holds no manifest.json: it is not a cloud assembly (expected the output of cdk synth)`);
  if (!isFolder && basename(path) !== 'manifest.json') {
    const name = basename(path).replace(/(\.template)?\.json$/, '');
    const manifest = join(dirname(path), `${name}.assets.json`);
    return [
      readStack(name, resolve(path), existsSync(manifest) ? readAssetManifest(manifest) : new Map<string, string>()),
    ];
  }
  const directory = resolve(dirname(manifestFile));
  const stacks: StackTemplate[] = [];
  for (const [id, value] of Object.entries(objectOr(readJson(manifestFile).artifacts, 'manifest.json: artifacts'))) {
    const artifact = asObject(value, `manifest.json: ${id}`);
    if (artifact.type === 'cdk:cloud-assembly')
      throw new Error(`manifest.json: ${id} is a nested assembly (a CDK Stage), which the harness does not read`);
    if (artifact.type !== 'aws:cloudformation:stack') continue;
    const properties = objectOr(artifact.properties, `manifest.json: ${id}.properties`);
    const templateFile = join(directory, asString(properties.templateFile, `manifest.json: ${id}.templateFile`));
    const assets = join(directory, `${id}.assets.json`);
    const name = optionalString(properties.stackName, `manifest.json: ${id}.stackName`) ?? id;
    stacks.push(
      readStack(name, templateFile, existsSync(assets) ? readAssetManifest(assets) : new Map<string, string>()),
    );
  }
  if (stacks.length === 0) throw new Error(`${manifestFile}: no stack in it`);
  return stacks;
}
