/**
 * The two loops that a step of the solver is made of, over pairs of float64, as a WebAssembly module written out here instruction by
 * instruction: JavaScript has no way to name vector instructions. Source of the encodings: https://webassembly.github.io/spec/core/binary/.
 */

const TYPE = { i32: 0x7f, f64: 0x7c, v128: 0x7b } as const;

/** Instructions that are used, by their names in the specification. Those from 0x100 on stand for 0xfd and a vector opcode. */
const OP = {
  loop: 0x03,
  end: 0x0b,
  br_if: 0x0d,
  'local.get': 0x20,
  'local.set': 0x21,
  'local.tee': 0x22,
  'i32.const': 0x41,
  'i32.lt_u': 0x49,
  'i32.add': 0x6a,
  'i32.shl': 0x74,
  'v128.load': 0x100,
  'v128.store': 0x10b,
  'v128.const': 0x10c,
  'f64x2.splat': 0x114,
  'f64x2.gt': 0x14a,
  'v128.bitselect': 0x152,
  'v128.load64_zero': 0x15d,
  'f64x2.promote_low_f32x4': 0x15f,
  'f64x2.add': 0x1f0,
  'f64x2.sub': 0x1f1,
  'f64x2.mul': 0x1f2,
  'f64x2.div': 0x1f3,
  'f64x2.pmax': 0x1f7,
} as const;

type Code = readonly number[];

/** LEB128, signed where `isSigned`. */
function leb(value: number, isSigned = false): number[] {
  const bytes: number[] = [];
  for (let rest = value; ;) {
    const byte = rest & 0x7f;
    rest = isSigned ? rest >> 7 : rest >>> 7;
    const isLast = isSigned ? (rest === 0 && byte < 0x40) || (rest === -1 && byte >= 0x40) : rest === 0;
    bytes.push(isLast ? byte : byte | 0x80);
    if (isLast) return bytes;
  }
}

function op(name: keyof typeof OP, ...immediates: number[]): Code {
  const code = OP[name];
  return [...(code < 0x100 ? [code] : [0xfd, ...leb(code - 0x100)]), ...immediates];
}

const get = (local: number): Code => op('local.get', ...leb(local));
const set = (local: number, value: readonly Code[]): Code => [...value.flat(), ...op('local.set', ...leb(local))];
const i32 = (value: number): Code => op('i32.const', ...leb(value, true));
const pair = (a: number, b: number): Code => op('v128.const', ...new Uint8Array(Float64Array.of(a, b).buffer));
/** Alignment is a hint: 8 bytes. */
const load = (pointer: number): Code => [...get(pointer), ...op('v128.load', 3, 0)];
const loadFloats = (pointer: number): Code => [
  ...get(pointer),
  ...op('v128.load64_zero', 2, 0),
  ...op('f64x2.promote_low_f32x4'),
];
const store = (pointer: Code, value: Code): Code => [...pointer, ...value, ...op('v128.store', 3, 0)];
const advance = (pointer: number, bytes: number): Code => set(pointer, [get(pointer), i32(bytes), op('i32.add')]);
/** at := idx where value > best; best := the greater; idx += 2. */
const keepBest = ({ value, best, at, idx }: Record<'value' | 'best' | 'at' | 'idx', number>): Code => [
  ...set(at, [get(idx), get(at), get(value), get(best), op('f64x2.gt'), op('v128.bitselect')]),
  ...set(best, [get(best), get(value), op('f64x2.pmax')]),
  ...set(idx, [get(idx), pair(2, 2), op('f64x2.add')]),
];
/** Runs `body` until the pointer reaches `end`. */
const until = (pointer: number, end: number, body: readonly Code[]): Code => [
  ...op('loop', 0x40),
  ...body.flat(),
  ...get(pointer),
  ...get(end),
  ...op('i32.lt_u'),
  ...op('br_if', 0),
  ...op('end'),
];

/** Stands for a curvature that is not positive. */
export const TAU = 1e-12;

/** Where the loops leave, for both lanes: the best value, its position, and the largest gain. */
const RESULTS = { best: 0, at: 16, largest: 32, end: 48 } as const;

/** (n, f, down, diagonal, row: i32, top, own: f64): the greatest gain^2 / curvature over gain = top - (f + down) > 0. */
function secondChoice(): Code {
  const [n, f, down, diagonal, row, top, own] = [0, 1, 2, 3, 4, 5, 6];
  const [end, tops, owns, gain, value, best, at, idx, largest] = [7, 8, 9, 10, 11, 12, 13, 14, 15];
  return [
    ...set(end, [get(f), get(n), i32(3), op('i32.shl'), op('i32.add')]),
    ...set(tops, [get(top), op('f64x2.splat')]),
    ...set(owns, [get(own), op('f64x2.splat')]),
    ...set(at, [pair(-1, -1)]),
    ...set(idx, [pair(0, 1)]),
    ...set(largest, [pair(-Infinity, -Infinity)]),
    ...until(f, end, [
      set(gain, [get(tops), load(f), load(down), op('f64x2.add'), op('f64x2.sub')]),
      set(largest, [get(largest), get(gain), op('f64x2.pmax')]),
      set(gain, [pair(0, 0), get(gain), op('f64x2.pmax')]),
      set(value, [
        [...get(gain), ...get(gain), ...op('f64x2.mul')],
        [...pair(TAU, TAU), ...get(owns), ...load(diagonal), ...op('f64x2.add')],
        [...loadFloats(row), ...op('local.tee', value), ...get(value), ...op('f64x2.add'), ...op('f64x2.sub')],
        op('f64x2.pmax'),
        op('f64x2.div'),
      ]),
      keepBest({ value: value, best: best, at: at, idx: idx }),
      advance(f, 16),
      advance(down, 16),
      advance(diagonal, 16),
      advance(row, 8),
    ]),
    ...store(i32(RESULTS.best), get(best)),
    ...store(i32(RESULTS.at), get(at)),
    ...store(i32(RESULTS.largest), get(largest)),
  ];
}

/** (n, f, up, rowI, rowJ: i32, delta: f64): f -= delta (rowI - rowJ), and the greatest f + up. */
function update(): Code {
  const [n, f, up, rowI, rowJ, delta] = [0, 1, 2, 3, 4, 5];
  const [end, deltas, value, best, at, idx] = [6, 7, 8, 9, 10, 11];
  return [
    ...set(end, [get(f), get(n), i32(3), op('i32.shl'), op('i32.add')]),
    ...set(deltas, [get(delta), op('f64x2.splat')]),
    ...set(best, [pair(-Infinity, -Infinity)]),
    ...set(at, [pair(-1, -1)]),
    ...set(idx, [pair(0, 1)]),
    ...until(f, end, [
      set(value, [
        load(f),
        get(deltas),
        [...loadFloats(rowI), ...loadFloats(rowJ), ...op('f64x2.sub'), ...op('f64x2.mul')],
        op('f64x2.sub'),
      ]),
      store(get(f), get(value)),
      set(value, [get(value), load(up), op('f64x2.add')]),
      keepBest({ value: value, best: best, at: at, idx: idx }),
      advance(f, 16),
      advance(up, 16),
      advance(rowI, 8),
      advance(rowJ, 8),
    ]),
    ...store(i32(RESULTS.best), get(best)),
    ...store(i32(RESULTS.at), get(at)),
  ];
}

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const counted = (items: readonly Code[]): number[] => [...leb(items.length), ...items.flat()];
  const sized = (bytes: Code): number[] => [...leb(bytes.length), ...bytes];
  const name = (text: string): number[] => sized([...Buffer.from(text)]);
  const section = (id: number, items: readonly Code[]): number[] => [id, ...sized(counted(items))];
  const type = (parameters: readonly number[]): number[] => [0x60, ...sized(parameters), 0];
  const { i32: I, f64: F, v128: V } = TYPE;
  const body = (locals: readonly (readonly [number, number])[], code: Code): number[] =>
    sized([...counted(locals.map(([count, kind]) => [...leb(count), kind])), ...code, OP.end]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [type([I, I, I, I, I, F, F]), type([I, I, I, I, I, F])]),
    ...section(2, [[...name('js'), ...name('memory'), 0x02, 0x00, 0x01]]),
    ...section(3, [[0], [1]]),
    ...section(7, [
      [...name('secondChoice'), 0x00, 0],
      [...name('update'), 0x00, 1],
    ]),
    ...section(10, [
      body(
        [
          [1, I],
          [8, V],
        ],
        secondChoice(),
      ),
      body(
        [
          [1, I],
          [5, V],
        ],
        update(),
      ),
    ]),
  ]);
}

interface Exports {
  secondChoice(n: number, f: number, down: number, diagonal: number, row: number, top: number, own: number): void;
  update(n: number, f: number, up: number, rowI: number, rowJ: number, delta: number): void;
}

/** What is used of WebAssembly, which the type library of a program without a DOM does not name. */
interface Wasm {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
  readonly Memory: new (descriptor: { initial: number }) => {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  };
}

const wasm = (globalThis as unknown as { readonly WebAssembly: Wasm }).WebAssembly;
const PAGE_BYTES = 65_536;
const MODULE = new wasm.Module(moduleBytes());

/** Memory for one solver at a time, and the loops over it. */
export class SmoLoops {
  f = new Float64Array(0);
  /** What is added to f for a step up, and down; -Infinity and Infinity where there is none. */
  up = new Float64Array(0);
  down = new Float64Array(0);
  diagonal = new Float64Array(0);
  readonly #memory = new wasm.Memory({ initial: 1 });
  readonly #exports: Exports;
  #results = new Float64Array(this.#memory.buffer, 0, RESULTS.end / 8);
  #rowI = new Float32Array(0);
  #rowJ = new Float32Array(0);
  #size = 0;
  /** Where the arrays are in memory. */
  #at = { f: 0, up: 0, down: 0, diagonal: 0, rowI: 0, rowJ: 0 };

  constructor() {
    const instance = new wasm.Instance(MODULE, { js: { memory: this.#memory } });
    this.#exports = instance.exports as Exports;
  }

  /** Makes room for n variables; what the arrays held is gone. */
  reserve(n: number): void {
    // Pairs are whole: the one variable too many can neither go up nor down.
    const size = Math.max(2, n + (n % 2));
    const bytes = RESULTS.end + size * (4 * 8 + 2 * 4);
    const missing = bytes - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
    const { buffer } = this.#memory;
    const doubles = (k: number): number => RESULTS.end + 8 * size * k;
    const floats = (k: number): number => doubles(4) + 4 * size * k;
    this.#size = size;
    this.#results = new Float64Array(buffer, 0, RESULTS.end / 8);
    for (const [k, value] of [0, -Infinity, Infinity, 0].entries())
      new Float64Array(buffer, doubles(k), size).fill(value);
    const at = {
      f: doubles(0),
      up: doubles(1),
      down: doubles(2),
      diagonal: doubles(3),
      rowI: floats(0),
      rowJ: floats(1),
    };
    this.#at = at;
    this.f = new Float64Array(buffer, at.f, n);
    this.up = new Float64Array(buffer, at.up, n);
    this.down = new Float64Array(buffer, at.down, n);
    this.diagonal = new Float64Array(buffer, at.diagonal, n);
    this.#rowI = new Float32Array(buffer, at.rowI, size).fill(0).subarray(0, n);
    this.#rowJ = new Float32Array(buffer, at.rowJ, size).fill(0).subarray(0, n);
  }

  /** The variable to go down as far as i goes up, by second order, and the largest violation; -1 where there is none. */
  secondChoice(i: number, row: Float32Array): { j: number; violation: number } {
    const { f, up, diagonal } = this;
    this.#rowI.set(row);
    const [top, own] = [f[i]! + up[i]!, diagonal[i]!];
    const { f: atF, down: atDown, diagonal: atDiagonal, rowI: atRow } = this.#at;
    this.#exports.secondChoice(this.#size, atF, atDown, atDiagonal, atRow, top, own);
    return { j: this.#best(), violation: Math.max(this.#results[4]!, this.#results[5]!) };
  }

  /** f -= delta (row of i - rowJ) for the i of the last second choice; the variable with the most to gain from going up, or -1. */
  update(rowJ: Float32Array, delta: number): number {
    this.#rowJ.set(rowJ);
    const { f, up, rowI, rowJ: atRowJ } = this.#at;
    this.#exports.update(this.#size, f, up, rowI, atRowJ, delta);
    return this.#best();
  }

  /** Of the two lanes the greater, of equals the first position. */
  #best(): number {
    const [first, second, atFirst, atSecond] = this.#results as unknown as [number, number, number, number];
    if (first === second) return atFirst < 0 || (atSecond >= 0 && atSecond < atFirst) ? atSecond : atFirst;
    return first > second ? atFirst : atSecond;
  }
}
