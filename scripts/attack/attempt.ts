/** The contract of a kind of attack: attempts, each a request and what may not come of it. A kind is a file in kinds/. */
import type { Target } from './slots.ts';
import type { Things } from './things.ts';
import type { Answer, HttpRequest, RawRequest, Wire } from './wire.ts';

export interface Attempt {
  /** What it tries, in a few words. */
  readonly label: string;
  /** The route that it tries, where it is of one. */
  readonly target?: Target;
  readonly request: HttpRequest | RawRequest;
  /** An answer of 2xx is a hole. */
  readonly mustBeRefused?: boolean;
  /** The service may hang up instead of answering: a body is too large, or is no HTTP at all. */
  readonly mayHangUp?: boolean;
  /** A further look at the answer, and at what comes of it. @returns what is wrong */
  readonly check?: (answer: Answer) => string | undefined | Promise<string | undefined>;
}

export interface Scene {
  readonly wire: Wire;
  /** Whose things nobody else may reach. */
  readonly victim: Things;
  /** The attacker's own, which let its requests through to the code behind the checks. */
  readonly own: Things;
  /** Secrets of the victim that the attacker has named itself, in any request so far. */
  readonly sent: Set<string>;
  /** Keys that may not be used any more. */
  readonly deadKeys: Readonly<Partial<Record<'expired' | 'revoked' | 'suspended', string>>>;
  /** Listens on this machine; the service has no business to call it. */
  readonly canary: { readonly url: string; calls(): number };
}

export interface AttackKind {
  readonly name: string;
  attempts(scene: Scene): Iterable<Attempt>;
  /** What of it cannot be tried in this scene, and what would make it possible. */
  skips?(scene: Scene): readonly string[];
}
