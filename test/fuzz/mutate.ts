/** Files broken at random, the way disks, networks and strangers break them: from a seed, so that what is found is found again. */

/** Mulberry32, public domain: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Random = () => number;
type Mutation = (bytes: Buffer, random: Random) => Buffer;

const below = (n: number, random: Random): number => Math.floor(random() * n);

/** Sizes and counts that readers trip over. */
const NUMBERS = [0, 1, -1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, -0x8000_0000, 0x1000_0000];
/** Texts that mean something to one of the formats. */
const WORDS = [
  '"',
  '""',
  ',',
  '\n',
  '\r\n',
  '\0',
  '[',
  ']]',
  '{',
  '}',
  '1e999',
  'null',
  '__proto__',
  '\ufeff',
  'PAR1',
  'NaN',
];

const MUTATIONS: readonly Mutation[] = [
  // One digit for another, which most formats survive.
  (bytes, random) => {
    const digits = [...bytes.keys()].filter((i) => bytes[i]! >= 0x30 && bytes[i]! <= 0x39);
    if (digits.length > 0) bytes[digits[below(digits.length, random)]!] = 0x30 + below(10, random);
    return bytes;
  },
  (bytes, random) => {
    const at = below(bytes.length, random);
    bytes[at] = bytes[at]! ^ (1 << below(8, random));
    return bytes;
  },
  (bytes, random) => {
    const [from, to] = span(bytes, random);
    return bytes.fill(below(256, random), from, to);
  },
  (bytes, random) => bytes.subarray(0, below(bytes.length, random)),
  (bytes, random) => bytes.subarray(below(Math.min(bytes.length, 64), random)),
  (bytes, random) => {
    const [from, to] = span(bytes, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, random) => {
    const [from, to] = span(bytes, random);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from, to), bytes.subarray(to)]);
  },
  (bytes, random) => {
    const [from, to] = span(bytes, random);
    return Buffer.concat([bytes.subarray(to), bytes.subarray(from, to), bytes.subarray(0, from)]);
  },
  (bytes, random) => insert(bytes, Buffer.from(WORDS[below(WORDS.length, random)]!), random),
  (bytes, random) => insert(bytes, Buffer.alloc(1 + below(64, random), below(256, random)), random),
  (bytes, random) => {
    if (bytes.length < 4) return bytes;
    const number = NUMBERS[below(NUMBERS.length, random)]!;
    const place = below(bytes.length - 3, random);
    if (random() < 0.5) bytes.writeInt32BE(number | 0, place);
    else bytes.writeInt32LE(number | 0, place);
    return bytes;
  },
];

function at(bytes: Buffer, random: Random): number {
  return below(bytes.length, random);
}

function span(bytes: Buffer, random: Random): [from: number, to: number] {
  const from = at(bytes, random);
  return [from, Math.min(bytes.length, from + 1 + below(32, random))];
}

function insert(bytes: Buffer, inserted: Buffer, random: Random): Buffer {
  const place = at(bytes, random);
  return Buffer.concat([bytes.subarray(0, place), inserted, bytes.subarray(place)]);
}

/** A broken copy of the file: one to four mutations. */
export function mutate(file: Uint8Array, seed: number): Uint8Array {
  const random = randomOf(seed);
  let bytes = Buffer.from(file);
  for (let rest = random() < 0.6 ? 1 : 2 + below(3, random); rest > 0 && bytes.length > 0; rest--)
    bytes = Buffer.from(MUTATIONS[below(MUTATIONS.length, random)]!(bytes, random));
  return bytes;
}
