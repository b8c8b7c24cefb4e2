/**
 * Finds the method of a request among an API's resources: a literal part wins over a parameter, a parameter over a
 * greedy `{proxy+}`. Source: API Gateway developer guide, "Set up a proxy resource" and "API Gateway resources".
 */
import type { MethodModel, RestApiModel } from '../template/index.ts';

export interface RouteMatch {
  readonly method: MethodModel;
  readonly pathParameters: Readonly<Record<string, string>>;
}

interface Node {
  readonly literals: Map<string, Node>;
  parameter: { name: string; node: Node } | undefined;
  greedy: { name: string; node: Node } | undefined;
  readonly methods: Map<string, MethodModel>;
}

function newNode(): Node {
  return { literals: new Map(), parameter: undefined, greedy: undefined, methods: new Map() };
}

function childOf(node: Node, part: string): Node {
  const greedy = /^\{([^}+]+)\+\}$/.exec(part)?.[1];
  if (greedy !== undefined) return (node.greedy ??= { name: greedy, node: newNode() }).node;
  const parameter = /^\{([^}]+)\}$/.exec(part)?.[1];
  if (parameter !== undefined) return (node.parameter ??= { name: parameter, node: newNode() }).node;
  const child = node.literals.get(part) ?? newNode();
  node.literals.set(part, child);
  return child;
}

export class Router {
  readonly #root = newNode();

  constructor(api: RestApiModel) {
    for (const method of api.methods) {
      let node = this.#root;
      for (const part of method.resourcePath.split('/').filter((one) => one !== '')) node = childOf(node, part);
      node.methods.set(method.httpMethod, method);
    }
  }

  /** The method for a path (without the stage), or undefined: API Gateway answers 403 then. */
  find(httpMethod: string, path: string): RouteMatch | undefined {
    const parts = path.replace(/\/$/, '').split('/').slice(1);
    const found = match(this.#root, parts, {});
    const method = found?.node.methods.get(httpMethod) ?? found?.node.methods.get('ANY');
    return found && method && { method, pathParameters: found.pathParameters };
  }
}

interface NodeMatch {
  readonly node: Node;
  readonly pathParameters: Readonly<Record<string, string>>;
}

/** The best resource for the parts; the method is looked up on that one only. */
function match(
  node: Node,
  parts: readonly string[],
  pathParameters: Readonly<Record<string, string>>,
): NodeMatch | undefined {
  const [part, ...rest] = parts;
  if (part === undefined) return node.methods.size > 0 ? { node, pathParameters } : undefined;
  const decoded = decode(part);
  const literal = node.literals.get(decoded);
  const found = literal && match(literal, rest, pathParameters);
  if (found) return found;
  if (node.parameter) {
    const { name, node: child } = node.parameter;
    const byParameter = match(child, rest, { ...pathParameters, [name]: decoded });
    if (byParameter) return byParameter;
  }
  if (!node.greedy) return undefined;
  return match(node.greedy.node, [], { ...pathParameters, [node.greedy.name]: parts.map(decode).join('/') });
}

/** Percent-decoded, or as sent where the encoding is broken. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
