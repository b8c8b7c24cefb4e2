/**
 * The authorizer's memory: good keys with their tenants' limits and prices for as long as an answer may be old, and which keys'
 * use of today is already noted. What is refused is not kept: a key that was just made works at once.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import { epochS } from '../clock.ts';
import { AUTHORIZER_CACHE_S } from '../contract.ts';
import { hashSecret, secretOfHeaders } from '../tenancy/api-key.ts';
import { authorize } from '../tenancy/authorize.ts';
import type { Decision } from '../tenancy/authorize.ts';
import { isRecent, isSignedWith, readSignature, signingKeyOf, statedBodyHash } from '../tenancy/signed-request.ts';
import type { RequestLine } from '../tenancy/signed-request.ts';
import type { Tenants } from './tenants.ts';

const MAX_KEYS = 10_000;

interface Options {
  readonly clock: Clock;
  /** Told when a key's use could not be noted, which is no reason to refuse it. */
  readonly onDefect: (error: unknown) => void;
}

interface Kept {
  readonly decision: Decision;
  readonly untilS: number;
}

export class CredentialCache {
  readonly #tenants: Tenants;
  readonly #options: Options;
  readonly #allowed = new LRUCache<string, Kept>({ max: MAX_KEYS });
  /** Key id -> day on which its use was noted. */
  readonly #noted = new LRUCache<string, string>({ max: MAX_KEYS });

  constructor(tenants: Tenants, options: Options) {
    this.#tenants = tenants;
    this.#options = options;
  }

  /**
   * The decision on a request that its client has signed with a key made for it, and what the signature is checked with. Of a client that
   * does not state its body's hash it is not checked yet: the function that reads the body does.
   */
  async decideSigned(line: RequestLine): Promise<{ decision: Decision; signingKey: string }> {
    const refused = { decision: { kind: 'unauthenticated' }, signingKey: '' } as const;
    const signed = readSignature(line.headers);
    if (signed === undefined || !isRecent(signed, this.#options.clock.nowMs())) return refused;
    const secret = await this.#tenants.signingSecret(signed.keyId);
    if (secret === undefined) return refused;
    const signingKey = signingKeyOf(secret, signed);
    const bodyHash = statedBodyHash(signed, line.headers);
    if (bodyHash !== undefined && !isSignedWith(signingKey, signed, line, bodyHash)) return refused;
    return { decision: await this.decide({ 'x-api-key': secret }), signingKey: signingKey.toString('hex') };
  }

  async decide(headers: Readonly<Record<string, string | undefined>>): Promise<Decision> {
    const nowS = epochS(this.#options.clock);
    const hash = hashSecret(secretOfHeaders(headers) ?? '');
    const known = this.#allowed.get(hash);
    if (known !== undefined && nowS < known.untilS) return known.decision;
    const decision = await authorize(
      headers,
      {
        keyBySecret: (secretHash) => this.#tenants.keyBySecret(secretHash),
        tenant: (id) => this.#tenants.profiles.get(id),
        limits: (plan) => this.#tenants.limits(plan),
        prices: () => this.#tenants.prices(),
      },
      nowS,
    );
    this.#allowed.delete(hash);
    if (decision.kind !== 'allow') return decision;
    this.#allowed.set(hash, {
      decision,
      untilS: Math.min(nowS + AUTHORIZER_CACHE_S, decision.expiresAtS ?? Infinity),
    });
    await this.#noteUse(decision.caller.tenantId, decision.caller.keyId, nowS);
    return decision;
  }

  /** Writes the day of a key's last use, once a day and environment. */
  async #noteUse(tenantId: string, keyId: string, nowS: number): Promise<void> {
    const day = new Date(nowS * 1000).toISOString().slice(0, 10);
    if (this.#noted.get(keyId) === day) return;
    try {
      await this.#tenants.keyUse(tenantId).put(keyId, { key_id: keyId, day });
      this.#noted.set(keyId, day);
    } catch (error) {
      this.#options.onDefect(error);
    }
  }
}
