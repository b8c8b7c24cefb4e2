/**
 * The credentials of the local cloud. Nothing is stored but one random key in the data directory: a session token carries
 * its own claims under a MAC, and ids and secrets are derived from it, so credentials and presigned URLs outlive a
 * restart and a `kill -9` of the harness.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AuthFailure } from './wire-errors.ts';
import type { PolicyDocument } from './iam/policy.ts';
import type { Principal } from './service.ts';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Undefined for the operator's long-term key. */
  readonly sessionToken?: string;
  readonly expiresAtEpochS?: number;
}

/** What a session token says about its bearer. */
export interface SessionClaims {
  readonly roleArn: string;
  readonly sessionName: string;
  readonly issuedAtEpochS: number;
  readonly expiresAtEpochS: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly transitiveTagKeys?: readonly string[];
  readonly sessionPolicy?: PolicyDocument;
}

export class CredentialStore {
  readonly #key: Buffer;
  readonly #accountId: string;
  readonly #now: () => number;

  constructor(options: { dataDir: string; accountId: string; now: () => number }) {
    this.#key = readOrMakeKey(options.dataDir);
    this.#accountId = options.accountId;
    this.#now = options.now;
  }

  /** The account's operator, with a long-term key: every restart gives the same one. */
  operator(): AwsCredentials {
    const accessKeyId = `AKIA${this.#id('operator')}`;
    return { accessKeyId, secretAccessKey: this.#secret(accessKeyId) };
  }

  /** Credentials of a role session. The caller has checked that the role may be assumed. */
  issue(claims: SessionClaims): AwsCredentials & { readonly sessionToken: string; readonly expiresAtEpochS: number } {
    // The nonce makes two sessions with equal claims two sessions.
    const payload = Buffer.from(JSON.stringify({ ...claims, nonce: randomBytes(6).toString('hex') })).toString(
      'base64',
    );
    const sessionToken = `${payload}.${this.#mac('token', payload).toString('base64')}`;
    const accessKeyId = `ASIA${this.#id(sessionToken)}`;
    return {
      accessKeyId,
      secretAccessKey: this.#secret(accessKeyId),
      sessionToken,
      expiresAtEpochS: claims.expiresAtEpochS,
    };
  }

  /** Who an access key belongs to, and its secret; throws AuthFailure for what is unknown, tampered with or expired. */
  lookUp(accessKeyId: string, sessionToken: string | undefined): { principal: Principal; secretAccessKey: string } {
    const secretAccessKey = this.#secret(accessKeyId);
    if (sessionToken === undefined) {
      if (accessKeyId !== this.operator().accessKeyId) throw new AuthFailure('unknown_key', { accessKeyId });
      const arn = `arn:aws:iam::${this.#accountId}:user/operator`;
      return { principal: { arn, accountId: this.#accountId, accessKeyId, tags: {} }, secretAccessKey };
    }
    const claims = this.#readToken(sessionToken);
    if (claims === undefined) throw new AuthFailure('invalid_token', {});
    if (accessKeyId !== `ASIA${this.#id(sessionToken)}`) throw new AuthFailure('unknown_key', { accessKeyId });
    if (claims.expiresAtEpochS * 1000 <= this.#now()) {
      throw new AuthFailure('expired_token', { expiredAt: new Date(claims.expiresAtEpochS * 1000).toISOString() });
    }
    return { principal: sessionPrincipal(claims, this.#accountId, accessKeyId), secretAccessKey };
  }

  #readToken(token: string): SessionClaims | undefined {
    const [payload = '', mac = ''] = token.split('.');
    const sent = Buffer.from(mac, 'base64');
    const expected = this.#mac('token', payload);
    if (sent.length !== expected.length || !timingSafeEqual(sent, expected)) return undefined;
    return JSON.parse(Buffer.from(payload, 'base64').toString()) as SessionClaims;
  }

  /** 16 characters of base32, as in real access key ids. */
  #id(of: string): string {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
    return [...this.#mac('id', createHash('sha256').update(of).digest('hex')).subarray(0, 16)]
      .map((byte) => alphabet[byte % 32])
      .join('');
  }

  /** 40 characters, as real secrets. */
  #secret(accessKeyId: string): string {
    return this.#mac('secret', accessKeyId).toString('base64').slice(0, 40);
  }

  #mac(purpose: string, text: string): Buffer {
    return createHmac('sha256', this.#key).update(`${purpose}\n${text}`).digest();
  }
}

/** `arn:aws:iam::1:role/path/name` in a session is `arn:aws:sts::1:assumed-role/name/session`. */
export function assumedRoleArn(roleArn: string, sessionName: string): string {
  const [, , , , accountId = '', resource = ''] = roleArn.split(':');
  return `arn:aws:sts::${accountId}:assumed-role/${resource.split('/').at(-1) ?? ''}/${sessionName}`;
}

/** AWS's opaque id of a role, derived from its ARN so that it stays. */
export function roleIdOf(roleArn: string): string {
  return `AROA${createHash('sha256').update(roleArn).digest('hex').toUpperCase().slice(0, 17)}`;
}

function sessionPrincipal(claims: SessionClaims, accountId: string, accessKeyId: string): Principal {
  const { roleArn, tags, transitiveTagKeys, sessionPolicy, issuedAtEpochS } = claims;
  return {
    arn: assumedRoleArn(roleArn, claims.sessionName),
    accountId,
    accessKeyId,
    roleArn,
    tags,
    issuedAtEpochS,
    ...(transitiveTagKeys && { transitiveTagKeys }),
    ...(sessionPolicy && { sessionPolicy }),
  };
}

function readOrMakeKey(dataDir: string): Buffer {
  const path = join(dataDir, 'credentials.key');
  mkdirSync(dataDir, { recursive: true });
  try {
    return Buffer.from(readFileSync(path, 'utf8').trim(), 'hex');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const key = randomBytes(32);
  writeFileSync(`${path}.new`, `${key.toString('hex')}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return key;
}
