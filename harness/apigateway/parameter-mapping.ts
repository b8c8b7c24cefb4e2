/**
 * Evaluates integration request parameters: which headers an integration adds to its Invoke call, and from where.
 * Source: API Gateway developer guide, "Request parameter mapping for REST APIs".
 */
import type { RequestFacts } from './proxy-event.ts';

export interface MappingSources {
  readonly facts: RequestFacts;
  readonly pathParameters: Readonly<Record<string, string>>;
  readonly stageVariables: Readonly<Record<string, string>>;
  /** Context of the authorizer, as strings. */
  readonly authorizer: Readonly<Record<string, string>>;
}

const PREFIX = 'integration.request.header.';
/** Headers of Invoke that a proxy integration can set here (lower case). */
const KNOWN_HEADERS = new Set(['x-amz-tenant-id', 'x-amz-durable-execution-name', 'x-amz-client-context']);

/** @throws naming a parameter that the harness would silently not send. */
export function checkRequestParameters(parameters: Readonly<Record<string, string>>, where: string): void {
  for (const target of Object.keys(parameters)) {
    if (target.startsWith(PREFIX) && KNOWN_HEADERS.has(target.slice(PREFIX.length).toLowerCase())) continue;
    throw new Error(
      `${where}: the request parameter ${target} is not emulated (${[...KNOWN_HEADERS].map((name) => PREFIX + name).join(', ')} are)`,
    );
  }
}

function contextValue(name: string, { facts, authorizer }: MappingSources): string | undefined {
  if (name.startsWith('authorizer.')) return authorizer[name.slice('authorizer.'.length)];
  const values: Readonly<Record<string, string | undefined>> = {
    requestId: facts.requestId,
    extendedRequestId: facts.extendedRequestId,
    apiId: facts.apiId,
    accountId: facts.accountId,
    stage: facts.stage,
    httpMethod: facts.httpMethod,
    path: facts.contextPath,
    'identity.sourceIp': facts.sourceIp,
    'identity.userAgent': facts.userAgent,
  };
  return values[name];
}

/** The value of a source expression, undefined where it is not there. */
export function evaluateSource(source: string, sources: MappingSources): string | undefined {
  if (source.startsWith("'") && source.endsWith("'")) return source.slice(1, -1);
  const [, kind, name = ''] =
    /^(context|stageVariables|method\.request\.(?:header|querystring|path))\.(.+)$/.exec(source) ?? [];
  switch (kind) {
    case 'context':
      return contextValue(name, sources);
    case 'stageVariables':
      return sources.stageVariables[name];
    case 'method.request.header':
      return sources.facts.header(name);
    case 'method.request.querystring':
      return sources.facts.query.get(name) ?? undefined;
    case 'method.request.path':
      return sources.pathParameters[name];
    default:
      throw new Error(`the mapping source ${source} is not emulated`);
  }
}

/** Header of the Invoke call (lower case) -> value; those without a value are left out. */
export function mapInvokeHeaders(
  parameters: Readonly<Record<string, string>>,
  sources: MappingSources,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [target, source] of Object.entries(parameters)) {
    const value = evaluateSource(source, sources);
    if (value !== undefined && value !== '') headers[target.slice(PREFIX.length).toLowerCase()] = value;
  }
  return headers;
}
