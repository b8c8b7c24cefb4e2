/**
 * Sequential minimal optimisation of one support vector problem, by coefficients b_t = y_t alpha_t:
 *   minimise 1/2 b'Kb - linear'b + epsilon |b|_1   with  sum b = 0 and lower <= b <= upper,
 * where linear is y in {1, -1} for a classifier and the target for a regression. f = linear - Kb is what is maintained; with the slope of
 * epsilon |b| it says how much the objective falls per unit that b_t goes `up` or `down`.
 * Source: R.-E. Fan, P.-H. Chen, C.-J. Lin, "Working set selection using second order information for training support vector machines" (2005);
 * shrinking as in C.-C. Chang, C.-J. Lin, "LIBSVM: a library for support vector machines" (2011), section 5.1.
 */
import type { KernelRows } from './kernel-rows.ts';
import { SmoLoops, TAU } from './loops.ts';

export interface SmoProblem {
  readonly linear: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  readonly epsilon: number;
}

export interface SmoOptions {
  readonly tol: number;
  readonly maxIter: number;
}

/** Where a solver stands; together with its problem all that it needs to go on. */
export interface SmoState {
  readonly coef: Float64Array;
  /** Of the active variables; what the others hold is old. */
  readonly f: Float64Array;
  readonly active: Int32Array;
  readonly iteration: number;
  readonly untilShrink: number;
  /** All variables were looked at again close to the optimum, once. */
  readonly isUnshrunk: boolean;
}

/** `missing`: rows of the kernel have to be loaded. `stale`: f of the inactive variables has to be made up. */
export type SmoStatus = 'paused' | 'missing' | 'stale' | 'optimal' | 'max_iter';

const SHRINK_EVERY = 1000;
/** Columns from which a copy at once is faster than one by one. */
const LONG_RUN = 16;
/** Copies of rows of the active variables, at most. */
const GATHERED_VALUES = 1 << 25;

export class SmoSolver {
  iteration = 0;
  /** Elements passed over so far, as a measure of time. */
  work = 0;
  readonly coef: Float64Array;
  readonly #problem: SmoProblem;
  readonly #rows: KernelRows;
  /** The row of the kernel of each variable. */
  readonly #index: Int32Array;
  readonly #options: SmoOptions;
  readonly #f: Float64Array;
  #untilShrink: number;
  #isUnshrunk = false;
  /** Variables that take part. */
  #active: Int32Array = new Int32Array(0);
  /** f, diagonal and slopes of the active variables, in their order. Two solvers that take turns need loops of their own. */
  readonly #loops: SmoLoops;
  /** For each active variable where the run of columns that follow each other ends. */
  #runEnds = new Int32Array(0);
  #isWhole = false;
  #gathered: (Float32Array | undefined)[] = [];
  #gatheredRows = 0;
  /** Position of the variable with the most to gain from going up, or -1. */
  #best = -1;

  constructor(
    problem: SmoProblem,
    kernel: { rows: KernelRows; index: Int32Array; loops?: SmoLoops },
    options: SmoOptions,
    from?: SmoState,
  ) {
    const n = problem.linear.length;
    this.#problem = problem;
    this.#rows = kernel.rows;
    this.#index = kernel.index;
    this.#options = options;
    this.#loops = kernel.loops ?? new SmoLoops();
    this.coef = from?.coef.slice() ?? new Float64Array(n);
    this.#f = from?.f.slice() ?? problem.linear.slice();
    this.#untilShrink = from?.untilShrink ?? Math.min(n, SHRINK_EVERY);
    if (from !== undefined) {
      this.iteration = from.iteration;
      this.#isUnshrunk = from.isUnshrunk;
    }
    this.#activate(from?.active ?? everything(n));
  }

  get state(): SmoState {
    this.#storeF();
    return {
      coef: this.coef.slice(),
      f: this.#f.slice(),
      active: this.#active,
      iteration: this.iteration,
      untilShrink: this.#untilShrink,
      isUnshrunk: this.#isUnshrunk,
    };
  }

  /** f of every variable: right for all of them once the problem is solved. */
  get f(): Float64Array {
    this.#storeF();
    return this.#f;
  }

  /** Takes steps until the problem is solved, something is needed, or `budget` elements were passed over. */
  advance(budget: number): SmoStatus {
    const { tol, maxIter } = this.#options;
    for (const end = this.work + budget; this.work < end; this.work += 2 * this.#active.length) {
      if (this.iteration >= maxIter) return 'max_iter';
      if (this.#untilShrink === 0 && this.#shrink()) return 'stale';
      if (this.#best < 0) return this.#endOfActive();
      const i = this.#best;
      const rowI = this.#row(i);
      if (rowI === undefined) return 'missing';
      const { j, violation } = this.#loops.secondChoice(i, rowI);
      if (j < 0 || violation < tol) return this.#endOfActive();
      const rowJ = this.#row(j);
      if (rowJ === undefined) return 'missing';
      const { diagonal } = this.#loops;
      this.#best = this.#step(i, j, { curvature: diagonal[i]! + diagonal[j]! - 2 * rowI[j]!, rowJ });
      this.iteration++;
      this.#untilShrink--;
    }
    return 'paused';
  }

  /** Loads the rows that the next steps are likely to need: the one that is missing, then those that violate the conditions most. */
  async load(): Promise<void> {
    const wanted = new Set(this.#required().map((k) => this.#kernelRow(k)));
    const missing = Array.from(this.#active.keys()).filter((k) => !this.#rows.has(this.#kernelRow(k)));
    const { low, high } = this.#extremes();
    const urgency = Float64Array.from(missing, (k) =>
      Math.max(this.#loops.f[k]! + this.#loops.up[k]! - low, high - this.#loops.f[k]! - this.#loops.down[k]!),
    );
    const enough = urgency.toSorted()[Math.max(0, missing.length - this.#rows.blockRows)]!;
    for (const [m, k] of missing.entries())
      if (urgency[m]! >= enough && wanted.size < this.#rows.blockRows) wanted.add(this.#kernelRow(k));
    await this.#rows.load([...wanted]);
  }

  /** Makes up f of the inactive variables, which all become active. */
  async refresh(): Promise<void> {
    this.#storeF();
    const isActive = new Uint8Array(this.coef.length);
    for (const t of this.#active) isActive[t] = 1;
    const inactive = everything(this.coef.length).filter((t) => isActive[t] === 0);
    const columns = inactive.map((t) => this.#index[t]!);
    const f = Float64Array.from(inactive, (t) => this.#problem.linear[t]!);
    const support = everything(this.coef.length).filter((s) => this.coef[s] !== 0);
    for (let k = 0; k < support.length && f.length > 0; k++) {
      const row = this.#rows.row(this.#index[support[k]!]!) ?? (await this.#loadFor(support.subarray(k)));
      const coef = this.coef[support[k]!]!;
      for (let m = 0; m < f.length; m++) f[m]! -= coef * row[columns[m]!]!;
    }
    inactive.forEach((t, m) => (this.#f[t] = f[m]!));
    this.#activate(everything(this.coef.length));
  }

  /** The constant of the decision function: what f is where a coefficient is free, else the middle of what is allowed. */
  get intercept(): number {
    let sum = 0;
    let free = 0;
    for (let k = 0; k < this.#active.length; k++) {
      if (this.#loops.up[k] !== this.#loops.down[k]) continue;
      sum += this.#loops.f[k]! + this.#loops.up[k]!;
      free++;
    }
    if (free > 0) return sum / free;
    const { low, high } = this.#extremes();
    if (Number.isFinite(low) && Number.isFinite(high)) return (low + high) / 2;
    return Number.isFinite(low) ? low : Number.isFinite(high) ? high : 0;
  }

  /** How far the optimality conditions are from holding. */
  get gap(): number {
    const { low, high } = this.#extremes();
    return Math.max(0, high - low);
  }

  /** 1/2 b'Kb - linear'b + epsilon |b|_1, to be read once f is right for all. */
  get objective(): number {
    const { f } = this;
    return this.coef.reduce(
      (sum, b, t) => sum - 0.5 * b * (this.#problem.linear[t]! + f[t]!) + this.#problem.epsilon * Math.abs(b),
      0,
    );
  }

  /** After all active variables agree: the end, or a look at the others. */
  #endOfActive(): SmoStatus {
    if (this.#active.length === this.coef.length) return 'optimal';
    this.#untilShrink = 1;
    return 'stale';
  }

  /** Moves i up and j down to the best point that the boxes allow, updates f, and finds the next i on the way. */
  #step(i: number, j: number, { curvature, rowJ }: { curvature: number; rowJ: Float32Array }): number {
    const { f, up, down } = this.#loops;
    const [s, t] = [this.#active[i]!, this.#active[j]!];
    const wanted = (f[i]! + up[i]! - f[j]! - down[j]!) / Math.max(curvature, TAU);
    const ceiling = this.#ceiling(s);
    const floor = this.#floor(t);
    const delta = Math.min(wanted, ceiling - this.coef[s]!, this.coef[t]! - floor);
    this.coef[s] = delta === ceiling - this.coef[s]! ? ceiling : this.coef[s]! + delta;
    this.coef[t] = delta === this.coef[t]! - floor ? floor : this.coef[t]! - delta;
    this.#setSlopes(i);
    this.#setSlopes(j);
    return this.#loops.update(rowJ, delta);
  }

  /** How far up a coefficient goes at one slope: to its bound, or to zero from below. */
  #ceiling(t: number): number {
    const upper = this.#problem.upper[t]!;
    return this.coef[t]! < 0 ? Math.min(0, upper) : upper;
  }

  #floor(t: number): number {
    const lower = this.#problem.lower[t]!;
    return this.coef[t]! > 0 ? Math.max(0, lower) : lower;
  }

  #setSlopes(k: number): void {
    const t = this.#active[k]!;
    const { epsilon, lower, upper } = this.#problem;
    const b = this.coef[t]!;
    this.#loops.up[k] = b >= upper[t]! ? -Infinity : b >= 0 ? -epsilon : epsilon;
    this.#loops.down[k] = b <= lower[t]! ? Infinity : b <= 0 ? epsilon : -epsilon;
  }

  /** The highest f of a step up and the lowest of a step down. */
  #extremes(): { high: number; low: number } {
    let high = -Infinity;
    let low = Infinity;
    for (let k = 0; k < this.#active.length; k++) {
      high = Math.max(high, this.#loops.f[k]! + this.#loops.up[k]!);
      low = Math.min(low, this.#loops.f[k]! + this.#loops.down[k]!);
    }
    return { high, low };
  }

  /** Lets go of variables that cannot move in any pair now. True where all have to be looked at first, close to the optimum. */
  #shrink(): boolean {
    const { high, low } = this.#extremes();
    const isPartial = this.#active.length < this.coef.length;
    if (!this.#isUnshrunk && high - low <= 10 * this.#options.tol) {
      this.#isUnshrunk = true;
      if (isPartial) return true;
    }
    this.#untilShrink = Math.min(this.coef.length, SHRINK_EVERY);
    const keep = this.#active.filter(
      (_, k) => this.#loops.f[k]! + this.#loops.up[k]! >= low || this.#loops.f[k]! + this.#loops.down[k]! <= high,
    );
    if (keep.length === this.#active.length) return false;
    this.#storeF();
    this.#activate(keep);
    return false;
  }

  #storeF(): void {
    for (let k = 0; k < this.#active.length; k++) this.#f[this.#active[k]!] = this.#loops.f[k]!;
  }

  #activate(active: Int32Array): void {
    const n = active.length;
    this.#active = active;
    this.#loops.reserve(n);
    const { f, up, diagonal } = this.#loops;
    this.#isWhole = n === this.#rows.size;
    this.#best = -1;
    for (let k = 0, highest = -Infinity; k < n; k++) {
      const t = active[k]!;
      f[k] = this.#f[t]!;
      diagonal[k] = this.#rows.diagonal[this.#index[t]!]!;
      this.#setSlopes(k);
      if (this.#index[t] !== k) this.#isWhole = false;
      const gain = f[k]! + up[k]!;
      if (gain <= highest) continue;
      highest = gain;
      this.#best = k;
    }
    this.#runEnds = new Int32Array(n);
    for (let k = n - 1; k >= 0; k--)
      this.#runEnds[k] = k + 1 < n && this.#kernelRow(k + 1) === this.#kernelRow(k) + 1 ? this.#runEnds[k + 1]! : k + 1;
    this.#forgetGathered();
  }

  #forgetGathered(): void {
    this.#gathered = new Array<Float32Array | undefined>(this.#isWhole ? 0 : this.#active.length).fill(undefined);
    this.#gatheredRows = 0;
  }

  /** Kernel of the k-th active variable with all active ones, or undefined where it is not in memory. */
  #row(k: number): Float32Array | undefined {
    if (this.#isWhole) return this.#rows.row(k);
    const known = this.#gathered[k];
    if (known !== undefined) return known;
    const row = this.#rows.row(this.#kernelRow(k));
    if (row === undefined) return undefined;
    if ((this.#gatheredRows + 1) * this.#active.length > GATHERED_VALUES) this.#forgetGathered();
    const own = new Float32Array(this.#active.length);
    for (let m = 0; m < own.length;) {
      const end = this.#runEnds[m]!;
      const from = this.#kernelRow(m);
      if (end - m >= LONG_RUN) own.set(row.subarray(from, from + end - m), m);
      else for (let k = 0; k < end - m; k++) own[m + k] = row[from + k]!;
      m = end;
    }
    this.#gathered[k] = own;
    this.#gatheredRows++;
    return own;
  }

  #kernelRow(k: number): number {
    return this.#index[this.#active[k]!]!;
  }

  /** Positions of the rows that the next step lacks. */
  #required(): number[] {
    if (this.#best < 0) return [];
    const rowI = this.#row(this.#best);
    if (rowI === undefined) return [this.#best];
    const { j } = this.#loops.secondChoice(this.#best, rowI);
    return j < 0 || this.#row(j) !== undefined ? [] : [j];
  }

  async #loadFor(variables: Int32Array): Promise<Float32Array> {
    const missing = new Set<number>();
    for (const t of variables) {
      if (missing.size >= this.#rows.blockRows) break;
      if (!this.#rows.has(this.#index[t]!)) missing.add(this.#index[t]!);
    }
    await this.#rows.load([...missing]);
    return this.#rows.row(this.#index[variables[0]!]!)!;
  }
}

function everything(n: number): Int32Array {
  const all = new Int32Array(n);
  for (let t = 0; t < n; t++) all[t] = t;
  return all;
}
