/** Whether an answer is what its operation documents: status, media type and body of a success, or the dialect's error. */
import type { GatewayResult } from '../../shared/http/gateway.ts';
import { ERROR_CODES } from '../../shared/errors.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { dialectOf } from '../../shared/http/dialects/index.ts';
import type { Target } from '../../scripts/attack/slots.ts';

/** There is more to erase (said in the summary of the operation), or the answer comes later. */
const ACCEPTED = 202;

/** @returns what is wrong, or undefined */
export function findingOf(target: Target, answer: GatewayResult): string | undefined {
  const { statusCode, headers = {} } = answer;
  if (statusCode >= 500) return `answered ${statusCode}: ${answer.body}`;
  if (headers['x-request-id'] === undefined) return 'there is no x-request-id';
  return statusCode < 300 ? inSuccess(target, answer) : inError(target, answer);
}

function inSuccess({ spec, route }: Target, { statusCode, headers = {}, body }: GatewayResult): string | undefined {
  const isLater = statusCode === ACCEPTED && spec.accepted !== undefined;
  const isUnfinished = route.operation === 'eraseData' && statusCode === ACCEPTED;
  const isExpected = statusCode === spec.status || isUnfinished || isLater;
  if (!isExpected) return `expected ${spec.status}, got ${statusCode}`;
  const type = String(headers['content-type']).split(';')[0]!;
  if (type === spec.answerType) return undefined;
  if (type !== 'application/json')
    return spec.alternatives?.includes(type) === true ? undefined : `${type} is no documented type of an answer`;
  // MLflow's ping is a line without anything, and says that it is JSON.
  const value: unknown = body.trim() === '' ? body : JSON.parse(body);
  const { success, data, error } = (isLater ? spec.accepted : spec.answer).safeParse(value);
  if (!success) return `the answer is not of the documented shape: ${error.message} in ${body.slice(0, 500)}`;
  const extra = undocumented(value, data);
  return extra === undefined ? undefined : `the answer has ${extra}, which is not documented`;
}

function inError({ route }: Target, { statusCode, headers = {}, body }: GatewayResult): string | undefined {
  const { errorType, errorSchema } = dialectOf(route.path);
  if (statusCode < 400) return `${statusCode} is no status of an error`;
  if (headers['content-type'] !== errorType)
    return `expected an error of type ${errorType}, got ${String(headers['content-type'])}`;
  if (statusCode === 429 && headers['retry-after'] === undefined) return '429 without Retry-After';
  const value: unknown = JSON.parse(body);
  const { success, data, error } = errorSchema.safeParse(value);
  if (!success) return `the error is not of the documented shape: ${error.message} in ${body.slice(0, 500)}`;
  const { code } = value as { code?: string };
  if (code !== undefined && ERROR_CODES[code as ErrorCode][0] !== statusCode) return `${code} is no ${statusCode}`;
  const extra = undocumented(value, data);
  return extra === undefined ? undefined : `the error has ${extra}, which is not documented`;
}

/** A field that the schema has dropped, by its pointer. */
function undocumented(value: unknown, parsed: unknown, pointer = ''): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const at = `${pointer}/${name}`;
    if (typeof parsed !== 'object' || parsed === null || !Object.hasOwn(parsed, name)) return at;
    const found = undocumented(inner, (parsed as Record<string, unknown>)[name], at);
    if (found !== undefined) return found;
  }
  return undefined;
}
