/**
 * Resolves the intrinsic functions of CloudFormation over all stacks of an assembly, lazily, with local physical names
 * that stay the same between runs. Source: "Intrinsic function reference" of the AWS CloudFormation user guide.
 */
import { asList, asObject, asString, isObject } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import { RESOURCE_TYPES } from './resource-types.ts';
import type { ResourceIdentity, ResourceType } from './resource-types.ts';
import type { StackTemplate, TemplateResource } from './assembly.ts';

export interface AccountSettings {
  readonly accountId: string;
  readonly region: string;
  readonly partition: string;
  /** Values for template parameters, by name, before their defaults. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Stands for AWS::NoValue: the property or list entry is left out. */
const NO_VALUE = Symbol('AWS::NoValue');
type Resolved = Json | typeof NO_VALUE;
type Intrinsic = (resolver: StackResolver, argument: Json, where: string) => Resolved;

const text = (resolver: StackResolver, value: Json | undefined, where: string): string =>
  asString(resolver.resolve(value ?? null, where), where);

const INTRINSICS: Readonly<Record<string, Intrinsic>> = {
  Ref: (resolver, argument, where) => resolver.ref(asString(argument, where), where),
  'Fn::GetAtt': (resolver, argument, where) => {
    const [id, ...attribute] =
      typeof argument === 'string'
        ? argument.split('.')
        : asList(argument, where).map((part) => text(resolver, part, where));
    return resolver.attribute(id ?? '', attribute.join('.'), where);
  },
  'Fn::Sub': (resolver, argument, where) => {
    const [template, variables] =
      typeof argument === 'string'
        ? [argument, {}]
        : [asString(asList(argument, where)[0], where), asObject(asList(argument, where)[1], where)];
    return template.replace(/\$\{(!?)([^}]+)\}/g, (_match, escaped: string, name: string) => {
      if (escaped !== '') return `\${${name}}`;
      const key = name.trim();
      if (variables[key] !== undefined) return text(resolver, variables[key], where);
      return asString(
        key.includes('.')
          ? (INTRINSICS['Fn::GetAtt']!(resolver, key, where) as Json)
          : (resolver.ref(key, where) as Json),
        where,
      );
    });
  },
  'Fn::Join': (resolver, argument, where) => {
    const [separator, values] = asList(argument, where);
    return asList(resolver.resolve(values ?? null, where), where)
      .map((value) => asString(value, where))
      .join(asString(separator, where));
  },
  'Fn::Select': (resolver, argument, where) => {
    const [index, values] = asList(argument, where);
    const position = Number(text(resolver, index, where));
    const value = asList(resolver.resolve(values ?? null, where), where)[position];
    if (value === undefined) throw new RangeError(`${where}: Fn::Select has no entry ${position}`);
    return value;
  },
  'Fn::Split': (resolver, argument, where) => {
    const [separator, value] = asList(argument, where);
    return text(resolver, value, where).split(asString(separator, where));
  },
  'Fn::ImportValue': (resolver, argument, where) => resolver.importValue(text(resolver, argument, where), where),
  'Fn::FindInMap': (resolver, argument, where) => {
    const [map, first, second] = asList(argument, where).map((part) => text(resolver, part, where));
    const value = asObject(
      asObject(resolver.stack.mappings[map!], `${where}: mapping ${map}`)[first!],
      `${where}: ${map}.${first}`,
    )[second!];
    if (value === undefined) throw new Error(`${where}: mapping ${map} has no ${first}.${second}`);
    return value;
  },
  'Fn::If': (resolver, argument, where) => {
    const [condition, yes, no] = asList(argument, where);
    return resolver.resolveOrNone((resolver.condition(asString(condition, where)) ? yes : no) ?? null, where);
  },
  'Fn::Base64': (resolver, argument, where) => Buffer.from(text(resolver, argument, where)).toString('base64'),
  'Fn::GetAZs': (resolver) => ['a', 'b', 'c'].map((zone) => `${resolver.account.region}${zone}`),
};

/** Resolves the values of one stack; made by `resolveStacks`. */
export class StackResolver {
  readonly stack: StackTemplate;
  readonly account: AccountSettings;
  readonly #exports: ReadonlyMap<string, () => Json>;
  readonly #open = new Set<string>();

  constructor(stack: StackTemplate, account: AccountSettings, exports: ReadonlyMap<string, () => Json>) {
    this.stack = stack;
    this.account = account;
    this.#exports = exports;
  }

  /** The value with every intrinsic in it replaced; AWS::NoValue becomes nothing. */
  resolve(value: Json, where: string): Json {
    const resolved = this.resolveOrNone(value, where);
    return resolved === NO_VALUE ? null : resolved;
  }

  resolveOrNone(value: Json, where: string): Resolved {
    if (Array.isArray(value)) {
      return (value as readonly Json[])
        .map((entry, index) => this.resolveOrNone(entry, `${where}[${index}]`))
        .filter((entry) => entry !== NO_VALUE);
    }
    if (!isObject(value)) return value;
    const keys = Object.keys(value);
    const [key] = keys;
    if (keys.length === 1 && key !== undefined && (key === 'Ref' || key.startsWith('Fn::'))) {
      const intrinsic = INTRINSICS[key];
      if (!intrinsic) throw new Error(`${where}: the harness does not know the intrinsic function ${key}`);
      return intrinsic(this, value[key] ?? null, where);
    }
    const object: Record<string, Json> = {};
    for (const name of keys) {
      const entry = this.resolveOrNone(value[name] ?? null, `${where}.${name}`);
      if (entry !== NO_VALUE) object[name] = entry;
    }
    return object;
  }

  /** All properties of a resource, resolved. */
  properties(resource: TemplateResource): JsonObject {
    const where = `${this.stack.name}/${resource.logicalId}`;
    return asObject(this.resolve(resource.properties, where), where);
  }

  ref(name: string, where: string): Resolved {
    const pseudo = this.#pseudoParameter(name);
    if (pseudo !== undefined) return pseudo;
    const parameter = this.stack.parameters[name];
    if (parameter !== undefined)
      return this.#parameter(name, asObject(parameter, `${this.stack.name}: parameter ${name}`));
    const resource = this.#resource(name, where);
    return this.#guarded(name, where, () => this.type(resource).ref(this.identity(resource)));
  }

  attribute(logicalId: string, attribute: string, where: string): Json {
    const resource = this.#resource(logicalId, where);
    const type = this.type(resource);
    const read = type.attributes?.[attribute];
    if (read) return this.#guarded(`${logicalId}.${attribute}`, where, () => read(this.identity(resource)));
    if (type.emulated)
      throw new Error(
        `${where}: the harness does not know the attribute ${attribute} of ${resource.type} (${logicalId})`,
      );
    return `${type.ref(this.identity(resource))}.${attribute}`;
  }

  importValue(name: string, where: string): Json {
    const value = this.#exports.get(name);
    if (!value) throw new Error(`${where}: no stack exports ${name}`);
    return value();
  }

  /** Whether the named condition of this stack holds. */
  condition(name: string): boolean {
    const where = `${this.stack.name}: condition ${name}`;
    const definition = this.stack.conditions[name];
    if (definition === undefined) throw new Error(`${where}: not defined`);
    return this.#holds(definition, where);
  }

  type(resource: TemplateResource): ResourceType {
    const type = RESOURCE_TYPES[resource.type];
    if (type) return type;
    throw new Error(
      `${this.stack.name}/${resource.logicalId}: the harness neither emulates nor knowingly ignores ${resource.type}; add it to harness/template/resource-types.ts`,
    );
  }

  identity(resource: TemplateResource): ResourceIdentity {
    const where = `${this.stack.name}/${resource.logicalId}`;
    const text = (of: TemplateResource, name: string) => {
      const value = of.properties[name];
      return value === undefined ? undefined : asString(this.resolve(value, `${where}.${name}`), `${where}.${name}`);
    };
    return {
      stackName: this.stack.name,
      logicalId: resource.logicalId,
      ...this.account,
      property: (name) => text(resource, name),
      versionNumber: () => {
        const siblings = Object.values(this.stack.resources).filter(
          (other) =>
            other.type === 'AWS::Lambda::Version' && text(other, 'FunctionName') === text(resource, 'FunctionName'),
        );
        return String(siblings.findIndex((other) => other.logicalId === resource.logicalId) + 1);
      },
    };
  }

  #resource(logicalId: string, where: string): TemplateResource {
    const resource = this.stack.resources[logicalId];
    if (!resource)
      throw new Error(
        `${where}: refers to ${logicalId}, which is neither a resource nor a parameter of ${this.stack.name}`,
      );
    return resource;
  }

  #guarded<T>(key: string, where: string, read: () => T): T {
    if (this.#open.has(key)) throw new Error(`${where}: ${key} refers to itself`);
    this.#open.add(key);
    try {
      return read();
    } finally {
      this.#open.delete(key);
    }
  }

  #pseudoParameter(name: string): Resolved | undefined {
    const { accountId, region, partition } = this.account;
    switch (name) {
      case 'AWS::AccountId':
        return accountId;
      case 'AWS::Region':
        return region;
      case 'AWS::Partition':
        return partition;
      case 'AWS::URLSuffix':
        return 'amazonaws.com';
      case 'AWS::StackName':
        return this.stack.name;
      case 'AWS::StackId':
        return `arn:${partition}:cloudformation:${region}:${accountId}:stack/${this.stack.name}/local`;
      case 'AWS::NotificationARNs':
        return [];
      case 'AWS::NoValue':
        return NO_VALUE;
      default:
        return undefined;
    }
  }

  #parameter(name: string, definition: JsonObject): Json {
    const value = this.account.parameters[name] ?? definition.Default;
    if (value === undefined)
      throw new Error(
        `${this.stack.name}: parameter ${name} has no default: give it with --parameter-overrides ${name}=...`,
      );
    const type = asString(definition.Type, `parameter ${name}`);
    return type.includes('List') && typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value;
  }

  #holds(definition: Json, where: string): boolean {
    const [operator, argument] = Object.entries(asObject(definition, where))[0] ?? ['', null];
    const parts = () => asList(argument, where);
    switch (operator) {
      case 'Fn::Equals':
        return this.resolve(parts()[0] ?? null, where) === this.resolve(parts()[1] ?? null, where);
      case 'Fn::And':
        return parts().every((part) => this.#holds(part, where));
      case 'Fn::Or':
        return parts().some((part) => this.#holds(part, where));
      case 'Fn::Not':
        return !this.#holds(parts()[0] ?? null, where);
      case 'Condition':
        return this.condition(asString(argument, where));
      default:
        throw new Error(`${where}: the harness does not know the condition function ${operator}`);
    }
  }
}

/** One resolver per stack; exports of one are imports of the others. */
export function resolveStacks(stacks: readonly StackTemplate[], account: AccountSettings): readonly StackResolver[] {
  const exports = new Map<string, () => Json>();
  const resolvers = stacks.map((stack) => new StackResolver(stack, account, exports));
  for (const resolver of resolvers) {
    for (const [id, value] of Object.entries(resolver.stack.outputs)) {
      const where = `${resolver.stack.name}: output ${id}`;
      const output = asObject(value, where);
      if (!isObject(output.Export)) continue;
      const name = asString(resolver.resolve(output.Export.Name ?? null, where), where);
      exports.set(name, () => resolver.resolve(output.Value ?? null, where));
    }
  }
  return resolvers;
}
