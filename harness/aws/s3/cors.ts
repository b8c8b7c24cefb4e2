/** CORS of a bucket: which rule answers a browser's preflight or its actual request. */
import type { IncomingMessage } from 'node:http';

/** As in AWS::S3::Bucket CorsConfiguration.CorsRules. */
export interface CorsRule {
  readonly AllowedOrigins: readonly string[];
  readonly AllowedMethods: readonly string[];
  readonly AllowedHeaders?: readonly string[];
  readonly ExposedHeaders?: readonly string[];
  readonly MaxAge?: number;
}

/** The answer's headers, undefined where no rule allows the request. */
export function corsHeaders(rules: readonly CorsRule[], http: IncomingMessage): Record<string, string> | undefined {
  const { origin } = http.headers;
  if (origin === undefined) return undefined;
  const isPreflight = http.method === 'OPTIONS';
  const method = isPreflight ? http.headers['access-control-request-method'] : http.method;
  const asked = isPreflight ? (http.headers['access-control-request-headers'] ?? '') : '';
  const names = asked
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
  const rule = rules.find(
    ({ AllowedOrigins, AllowedMethods, AllowedHeaders = [] }) =>
      AllowedMethods.includes(method ?? '') &&
      AllowedOrigins.some((pattern) => matches(pattern, origin)) &&
      names.every((name) => AllowedHeaders.some((pattern) => matches(pattern.toLowerCase(), name))),
  );
  if (rule === undefined) return undefined;
  const isAnyOrigin = rule.AllowedOrigins.includes('*');
  return {
    'access-control-allow-origin': isAnyOrigin ? '*' : origin,
    'access-control-allow-methods': rule.AllowedMethods.join(', '),
    ...(names.length > 0 && { 'access-control-allow-headers': names.join(', ') }),
    ...(rule.ExposedHeaders && { 'access-control-expose-headers': rule.ExposedHeaders.join(', ') }),
    ...(isPreflight && rule.MaxAge !== undefined && { 'access-control-max-age': String(rule.MaxAge) }),
    ...(!isAnyOrigin && { 'access-control-allow-credentials': 'true' }),
    vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
  };
}

/** At most one `*`, as S3 has it. */
function matches(pattern: string, value: string): boolean {
  const [before = '', after] = pattern.split('*');
  if (after === undefined) return pattern === value;
  return value.length >= before.length + after.length && value.startsWith(before) && value.endsWith(after);
}
