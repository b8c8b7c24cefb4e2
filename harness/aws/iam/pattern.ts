/**
 * Patterns of policies: `*` and `?`, and policy variables such as `${aws:PrincipalTag/TenantId}`. What a variable stands
 * for is matched literally, so a tag value of `*` opens nothing. Source: IAM user guide, "IAM policy elements: Variables
 * and tags".
 */

/** Condition keys of a request, by lower-case name. */
export type RequestContext = ReadonlyMap<string, readonly string[]>;

const ANY = Symbol('any characters');
const ONE = Symbol('any character');
type Token = string | typeof ANY | typeof ONE;

/** A pattern ready to match; undefined where it names a variable that the request does not have, and so matches nothing. */
export type Pattern = readonly Token[] | undefined;

export interface PatternOptions {
  /** Undefined leaves `${...}` as text, as policies older than 2012-10-17 do. */
  readonly variables?: RequestContext | undefined;
  /** False makes `*` and `?` plain characters (StringEquals). */
  readonly wildcards?: boolean;
}

const VARIABLE = /^\$\{([^}]*)\}/;

/** Splits a policy string into characters and wildcards, with its variables put in. */
export function compilePattern(text: string, options: PatternOptions = {}): Pattern {
  const wildcards = options.wildcards ?? true;
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const variable = options.variables === undefined ? null : VARIABLE.exec(text.slice(at));
    if (variable !== null && options.variables !== undefined) {
      const value = resolveVariable(variable[1]!, options.variables);
      if (value === undefined) return undefined;
      tokens.push(...value.split(''));
      at += variable[0].length;
      continue;
    }
    const character = text[at]!;
    if (wildcards && character === '*') tokens.push(ANY);
    else if (wildcards && character === '?') tokens.push(ONE);
    else tokens.push(character);
    at += 1;
  }
  return tokens;
}

/** `${*}`, `${?}` and `${$}` are the characters themselves; `${key, 'default'}` has a default. Several values resolve to none. */
function resolveVariable(expression: string, variables: RequestContext): string | undefined {
  if (expression === '*' || expression === '?' || expression === '$') return expression;
  const [name = '', fallback] = expression.split(/\s*,\s*/, 2);
  const values = variables.get(name.trim().toLowerCase());
  if (values?.length === 1) return values[0];
  return fallback === undefined ? undefined : fallback.replace(/^'(.*)'$/, '$1');
}

/** Whole-string match in time proportional to pattern x value, whatever the pattern. */
export function matchesPattern(pattern: Pattern, value: string): boolean {
  if (pattern === undefined) return false;
  let at = 0;
  let token = 0;
  let starToken = -1;
  let starAt = 0;
  while (at < value.length) {
    const current = pattern[token];
    if (current === ANY) {
      starToken = token++;
      starAt = at;
    } else if (current !== undefined && (current === ONE || current === value[at])) {
      token++;
      at++;
    } else if (starToken >= 0) {
      token = starToken + 1;
      at = ++starAt;
    } else {
      return false;
    }
  }
  while (pattern[token] === ANY) token++;
  return token === pattern.length;
}

/** ARNs compare part by part: a `*` within one of the first five parts does not cross a colon. */
export function matchesArn(text: string, value: string, variables?: RequestContext): boolean {
  const expected = splitArn(text);
  const actual = splitArn(value);
  if (expected === undefined || actual === undefined) return text === '*';
  return expected.every((part, index) => matchesPattern(compilePattern(part, { variables }), actual[index]!));
}

function splitArn(arn: string): readonly string[] | undefined {
  // Variables hold colons of their own: `arn:aws:iam::${aws:PrincipalAccount}:role/x`.
  const parts: string[] = [''];
  let depth = 0;
  for (const character of arn) {
    if (character === '{') depth++;
    if (character === '}') depth--;
    if (character === ':' && depth === 0 && parts.length < 6) parts.push('');
    else parts.push(`${parts.pop() ?? ''}${character}`);
  }
  return parts.length === 6 && parts[0] === 'arn' ? parts : undefined;
}
