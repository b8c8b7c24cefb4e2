/**
 * API keys: 256 random bits behind a prefix that secret scanners can know. The secret is shown once; what is stored is its
 * SHA-256, which for 256 random bits needs neither salt nor stretching.
 */
import { createHash, randomBytes } from 'node:crypto';
import { headerNamed } from './header.ts';
import type { Headers } from './header.ts';

export const API_KEY_PREFIX = 'tenon_sk_';
const SECRET_PATTERN = /^tenon_sk_[A-Za-z0-9_-]{43}$/;

export interface ApiKeyRecord {
  readonly key_id: string;
  readonly tenant_id: string;
  readonly created_at: number;
  /** Epoch seconds; absent: never. */
  readonly expires_at?: number;
  readonly revoked_at?: number;
  /** Made to sign requests with, as clients of AWS do. */
  readonly sigv4?: boolean;
  /** The key that takes its place, where it was rotated. */
  readonly rotated_to?: string;
}

/** A new secret, `tenon_sk_` and 43 characters of base64url. */
export function newSecret(): string {
  return API_KEY_PREFIX + randomBytes(32).toString('base64url');
}

/** The form in which a secret is stored and looked up: SHA-256 in hex. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** The secret that a request carries (`Authorization: Bearer` or `x-api-key`), or undefined where there is none of our form. */
export function secretOfHeaders(headers: Headers): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(headerNamed(headers, 'authorization') ?? '')?.[1];
  const secret = bearer ?? headerNamed(headers, 'x-api-key');
  return secret !== undefined && SECRET_PATTERN.test(secret) ? secret : undefined;
}

/** Why a key may not be used now, or undefined when it may. */
export function keyProblem(key: ApiKeyRecord, nowS: number): 'revoked' | 'expired' | undefined {
  if (key.revoked_at !== undefined) return 'revoked';
  if (key.expires_at !== undefined && key.expires_at <= nowS) return 'expired';
  return undefined;
}
