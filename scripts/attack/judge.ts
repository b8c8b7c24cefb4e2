/** What is wrong with an answer: a fault of the service, bytes of another tenant, a hang, or a yes where a no was due. */
import type { Attempt, Scene } from './attempt.ts';
import type { Answer } from './wire.ts';

/** @returns what is wrong, or undefined */
export async function judge(attempt: Attempt, answer: Answer, scene: Scene): Promise<string | undefined> {
  if (answer.failure === 'hang') return 'no answer came in time';
  if (answer.failure === 'closed' && attempt.mayHangUp !== true) return 'the connection was closed without an answer';
  const { status } = answer;
  // A request that is no HTTP of ours may be called unimplemented (501, 505) by whatever stands in front.
  const isFault = status >= 500 && !('raw' in attempt.request && [501, 505].includes(status));
  if (isFault) return `answered ${status}`;
  const foreign = foreignBytes(attempt, answer, scene);
  if (foreign !== undefined) return `the answer holds the victim's "${foreign}"`;
  if (/\bat .+:\d+:\d+\)?|node_modules|\/var\/task/.test(answer.body)) return 'the answer holds a stack or a path';
  if (attempt.mustBeRefused === true && status >= 200 && status < 300) return `answered ${status}, a refusal was due`;
  return attempt.check?.(answer);
}

/** A secret of the victim in the answer that did not stand in the request. */
function foreignBytes({ request }: Attempt, { head, body }: Answer, { victim, sent }: Scene): string | undefined {
  const answered = head + body;
  const sentNow = sentOf(request);
  // The attacker's own log tells what the attacker asked for before; nothing else may.
  const isLog = 'path' in request && /audit/i.test(decoded(request.path));
  return victim.secrets.find(
    (secret) => answered.includes(secret) && !sentNow.includes(secret) && !(isLog && sent.has(secret)),
  );
}

/** Remembers what of the victim's a request names, before it is sent: its traces may be read by another at once. */
export function noteSent({ request }: Attempt, { victim, sent }: Scene): void {
  const text = sentOf(request);
  for (const secret of victim.secrets) if (text.includes(secret)) sent.add(secret);
}

/** Everything that was sent, as sent and percent-decoded. */
function sentOf(request: Attempt['request']): string {
  if ('raw' in request) return request.raw;
  const body = typeof request.body === 'string' ? request.body : '';
  return [request.path, decoded(request.path), JSON.stringify(request.headers ?? {}), body].join('\n');
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
