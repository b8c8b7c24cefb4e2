/**
 * The signed policy of a POST upload: who signed it, whether it still holds, and whether the form keeps to it.
 * Source: S3 API reference, "Creating a POST policy" and "Authenticating requests in browser-based uploads using POST".
 */
import { hmac, signingKey } from '../signature/canonical.ts';
import { parseCredential } from '../signature/parse.ts';
import { sameHex } from '../signature/verify.ts';
import { AuthFailure } from '../wire-errors.ts';
import { s3Error } from './errors.ts';
import type { Verifier } from '../signature/verify.ts';
import type { Principal } from '../service.ts';
import type { PostForm } from './post-form.ts';

/** Fields that the policy need not name. */
const FREE_FIELDS = new Set(['x-amz-signature', 'policy', 'file']);

/** The signer of the form's policy, undefined for a form without one; throws as a wrong signature does. */
export function identifySigner(verifier: Verifier, form: PostForm): Principal | undefined {
  const { fields } = form;
  const policy = fields['policy'];
  if (policy === undefined) return undefined;
  if (fields['x-amz-algorithm'] !== 'AWS4-HMAC-SHA256') {
    throw s3Error('InvalidArgument', {
      message: "Bucket POST must contain a field named 'X-Amz-Algorithm' with AWS4-HMAC-SHA256.",
      fields: { ArgumentName: 'X-Amz-Algorithm' },
    });
  }
  const { accessKeyId, scope } = parseCredential(fields['x-amz-credential'] ?? '');
  const { principal, secretAccessKey } = verifier.credentials.lookUp(accessKeyId, fields['x-amz-security-token']);
  if (scope.region !== verifier.region || scope.service !== 's3')
    throw new AuthFailure('wrong_region', { got: scope.region, expected: verifier.region });
  if (!sameHex(hmac(signingKey(secretAccessKey, scope), policy), fields['x-amz-signature'] ?? '')) {
    throw new AuthFailure('signature_mismatch', { stringToSign: policy });
  }
  return principal;
}

export interface SizeRange {
  readonly minBytes: number;
  readonly maxBytes: number;
}

/** Throws AccessDenied unless every condition holds and every field is named by one; gives the allowed size. */
export function checkPolicyHolds(form: PostForm, bucket: string, nowMs: number): SizeRange {
  const { expiration, conditions } = readPolicy(form.fields['policy'] ?? '');
  if (Date.parse(expiration) <= nowMs) throw refused('Policy expired.');
  const fields: Readonly<Record<string, string>> = { ...form.fields, bucket };
  const named = new Set<string>(['bucket']);
  let range: SizeRange = { minBytes: 0, maxBytes: 5 * 1024 ** 3 };
  for (const condition of conditions) {
    const [operator, subject, value] = normalize(condition);
    if (operator === 'content-length-range') {
      range = { minBytes: Number(subject), maxBytes: Number(value) };
      continue;
    }
    const name = String(subject).replace(/^\$/, '').toLowerCase();
    named.add(name);
    const actual = fields[name] ?? '';
    const holds = operator === 'eq' ? actual === value : operator === 'starts-with' && actual.startsWith(String(value));
    if (!holds) throw refused(`Policy Condition failed: ${JSON.stringify([operator, subject, value])}`);
  }
  const extra = Object.keys(form.fields).filter(
    (name) => !FREE_FIELDS.has(name) && !name.startsWith('x-ignore-') && !named.has(name),
  );
  if (extra.length > 0) throw refused(`Extra input fields: ${extra.join(', ')}`);
  return range;
}

type Condition = readonly [operator: string, subject: unknown, value: unknown];

/** `{"key": "x"}` is `["eq", "$key", "x"]`. */
function normalize(condition: unknown): Condition {
  if (Array.isArray(condition) && condition.length === 3)
    return [String(condition[0]).toLowerCase(), condition[1], condition[2]];
  const entries = typeof condition === 'object' && condition !== null ? Object.entries(condition) : [];
  if (entries.length !== 1)
    throw invalidDocument('Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.');
  return ['eq', `$${entries[0]![0]}`, entries[0]![1]];
}

function readPolicy(policy: string): { expiration: string; conditions: readonly unknown[] } {
  try {
    const parsed = JSON.parse(Buffer.from(policy, 'base64').toString()) as {
      expiration?: unknown;
      conditions?: unknown;
    };
    if (typeof parsed.expiration === 'string' && Array.isArray(parsed.conditions)) {
      return { expiration: parsed.expiration, conditions: parsed.conditions as unknown[] };
    }
  } catch {
    // Answered below.
  }
  throw invalidDocument('Invalid JSON, or expiration or conditions are missing.');
}

const refused = (what: string) => s3Error('AccessDenied', { message: `Invalid according to Policy: ${what}` });
const invalidDocument = (what: string) => s3Error('InvalidPolicyDocument', { message: `Invalid Policy: ${what}` });
