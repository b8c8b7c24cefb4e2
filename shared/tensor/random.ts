/**
 * The project's random numbers: xoshiro128++ 1.0, seeded through SplitMix32, with a state of four words that a checkpoint keeps.
 * Sources: D. Blackman, S. Vigna, "Scrambled linear pseudorandom number generators" (https://prng.di.unimi.it/xoshiro128plusplus.c);
 * G. Marsaglia, "Xorshift RNGs". The normal draws by Box and Muller's polar form; shuffles are Fisher and Yates's.
 */

/** Four unsigned 32-bit words, not all zero. */
export type RandomState = readonly [number, number, number, number];

const rotateLeft = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

function* splitMix32(seed: number): Generator<number, never> {
  for (let state = seed | 0; ;) {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    yield (z ^ (z >>> 16)) >>> 0;
  }
}

export class Random {
  readonly #words: Uint32Array;

  private constructor(words: Uint32Array) {
    this.#words = words;
  }

  /** The generator of a seed (an integer; the upper bits of large ones count too). */
  static fromSeed(seed: number): Random {
    const mix = splitMix32(seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1));
    return new Random(Uint32Array.from({ length: 4 }, () => mix.next().value));
  }

  static fromState(state: RandomState): Random {
    if (state.every((word) => word === 0))
      throw new RangeError('random state: expected a word other than 0, got four zeros');
    return new Random(Uint32Array.from(state));
  }

  /** What `fromState` continues from. */
  get state(): RandomState {
    const [a, b, c, d] = this.#words;
    return [a!, b!, c!, d!];
  }

  /** An integer uniform over [0, 2^32). */
  nextUint32(): number {
    const s = this.#words;
    const result = (rotateLeft(s[0]! + s[3]!, 7) + s[0]!) >>> 0;
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotateLeft(s[3]!, 11);
    return result;
  }

  /** A double uniform over [0, 1) with 53 random bits. */
  nextDouble(): number {
    const high = this.nextUint32() >>> 5;
    return (high * 2 ** 26 + (this.nextUint32() >>> 6)) / 2 ** 53;
  }

  /** An integer uniform over [0, bound), bound in [1, 2^32]; rejection keeps it exact. */
  nextBelow(bound: number): number {
    const limit = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const word = this.nextUint32();
      if (word < limit) return word % bound;
    }
  }

  /** `count` floats uniform over [low, high). */
  uniform(count: number, low = 0, high = 1): Float32Array {
    return Float32Array.from({ length: count }, () => low + (high - low) * this.nextDouble());
  }

  /** `count` floats of the normal distribution. */
  normal(count: number, mean = 0, deviation = 1): Float32Array {
    const values = new Float32Array(count);
    for (let i = 0; i < count; i += 2) {
      const [first, second] = this.#normalPair();
      values[i] = mean + deviation * first;
      if (i + 1 < count) values[i + 1] = mean + deviation * second;
    }
    return values;
  }

  /** The numbers 0 ... count-1 in a uniformly random order. */
  permutation(count: number): Int32Array {
    const order = Int32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.nextBelow(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }

  #normalPair(): [number, number] {
    for (;;) {
      const u = 2 * this.nextDouble() - 1;
      const v = 2 * this.nextDouble() - 1;
      const square = u * u + v * v;
      if (square === 0 || square >= 1) continue;
      const factor = Math.sqrt((-2 * Math.log(square)) / square);
      return [u * factor, v * factor];
    }
  }
}
