/**
 * Counterfactuals of tables: the smallest change of the features that may change which gives another class. Of a linear model it is known in closed form
 * (linear.ts). Of others the sample's rows of the wanted class with as many features as possible set back are tried, every value of one feature, and, by
 * distance, those pairs of values of the sample that are nearer than the best so far, to the last one; each number is then moved back until the answer is about to turn.
 * Source: S. Wachter, B. Mittelstadt, C. Russell, "Counterfactual Explanations without Opening the Black Box" (2017).
 */
import { predictedOf } from '../aim.ts';
import { requireFiniteFigures } from '../finite.ts';
import { joinRows } from '../rows.ts';
import type { Subject } from '../subject.ts';
import type { Feeds } from '../terms.ts';
import { beyond, isLinear, linearOptimum } from './linear.ts';
import { Space, inUnits, sampledAt, stepOf, valueAt } from './space.ts';
import type { Axis, Change, SpaceOptions } from './space.ts';

/** Values of a number that are tried besides those of the sample. */
const GRID = 24;
/** Halvings of the way back of a number: thirty years to the second. */
const BISECTIONS = 30;
/** Rows of the sample that are set back, at most. */
const SAMPLE_ROWS = 16;
/** Changes that are tried, and that are held to be sorted, at most. */
const MAX_TRIED = 4096;
const MAX_HELD = 200_000;
const BLOCK = 512;
/** By how much of its figure the wanted class has to lead, so that no rounding takes the answer back: it depends on the rows that run together. */
const LEAD = 1e-9;
/** How far beyond the closed form a row is looked for, as shares of the way. */
const OVERSHOOTS = [0, 1e-7, 1e-6, 1e-5, 1e-4];

export interface CounterfactualQuestion extends SpaceOptions {
  /** The class to reach; any other than the row's where it is left out. */
  readonly wanted?: number | undefined;
  readonly deadlineMs: number;
}

/** What is known of changes that are smaller. */
export interface Minimality {
  /** There is none. */
  readonly proven: boolean;
  readonly by: 'closed_form' | 'all_pairs' | 'search';
  /** No row nearer than this has the class, where that is known. */
  readonly at_least?: number;
}

export interface Counterfactual {
  /** The nearest row found; undefined where nothing that was tried gives another class. */
  readonly row: Feeds | undefined;
  readonly minimality: Minimality;
}

/** Passes that one search takes at most, about. */
export const searchPasses = (features: number): number => MAX_TRIED + 110 * features + 1_000;

export async function counterfactualOf(subject: Subject, question: CounterfactualQuestion): Promise<Counterfactual> {
  const space = new Space(subject.schema, question);
  const [figures] = (await subject.run(question.row)) as [Float64Array];
  requireFiniteFigures(figures);
  const search = new Search(subject, space, { ...question, own: predictedOf(figures) });
  if (!isLinear(subject, space)) return search.everywhere();
  const known = await search.closedForm(figures.length);
  if (known.minimality.proven) return known;
  const { row } = await search.everywhere();
  return { row, minimality: known.minimality };
}

interface Distant {
  readonly change: readonly Change[];
  readonly distance: number;
}

interface SearchOptions extends CounterfactualQuestion {
  /** The class of the row. */
  readonly own: number;
}

class Search {
  readonly #subject: Subject;
  readonly #space: Space;
  readonly #options: SearchOptions;
  #best: { readonly row: Feeds; readonly distance: number } | undefined;

  constructor(subject: Subject, space: Space, options: SearchOptions) {
    this.#subject = subject;
    this.#space = space;
    this.#options = options;
  }

  async closedForm(classes: number): Promise<Counterfactual> {
    const { own, wanted } = this.#options;
    const others = Array.from({ length: classes }, (_, k) => k).filter((k) => k !== own);
    const rivals = wanted === undefined ? others : others.filter((k) => k === wanted);
    const { bound, changes } = await linearOptimum(this.#subject, this.#space, { own, rivals });
    if (bound === Infinity) return { row: undefined, minimality: { proven: true, by: 'closed_form' } };
    for (const overshoot of OVERSHOOTS) {
      if (this.#best === undefined) await this.#consider([this.#space.apply(beyond(changes, overshoot))]);
    }
    const proven = this.#best !== undefined && this.#best.distance <= bound * (1 + 1e-3);
    return { row: this.#best?.row, minimality: { proven, by: 'closed_form', at_least: bound } };
  }

  async everywhere(): Promise<Counterfactual> {
    const { axes } = this.#space;
    await this.#fromSample();
    const hasSingles = await this.#tryAll(this.#nearer(axes.values().flatMap(singlesOf)));
    await this.#moveBack();
    const hasPairs = await this.#tryAll(this.#nearer(pairsOf(axes)));
    await this.#moveBack();
    const hasAll = hasSingles && hasPairs;
    const isWhole = axes.length <= 2 && axes.every(({ kind }) => kind === 'choice');
    return { row: this.#best?.row, minimality: { proven: hasAll && isWhole, by: hasAll ? 'all_pairs' : 'search' } };
  }

  get #isOver(): boolean {
    return performance.now() > this.#options.deadlineMs;
  }

  /** Keeps the nearest row of the wanted class. @returns which rows have it */
  async #consider(rows: readonly Feeds[]): Promise<boolean[]> {
    const figures = await this.#subject.run(joinRows(rows));
    const turned = figures.map((row) => this.#isWanted(row));
    for (const [i, row] of rows.entries()) {
      const distance = this.#space.distanceTo(row);
      if (turned[i] && distance < (this.#best?.distance ?? Infinity)) this.#best = { row, distance };
    }
    return turned;
  }

  #isWanted(figures: Float64Array): boolean {
    const { own, wanted } = this.#options;
    const predicted = predictedOf(figures);
    const first = figures[predicted]!;
    const isAhead = figures.every(
      (figure, k) => k === predicted || first - figure > LEAD * Math.max(1, Math.abs(first)),
    );
    return isAhead && (wanted === undefined ? predicted !== own : predicted === wanted);
  }

  /** Those changes that are nearer than the best, the nearest first. */
  #nearer(changes: Iterable<readonly Change[]>): Distant[] {
    const limit = this.#best?.distance ?? Infinity;
    const near: Distant[] = [];
    for (const change of changes) {
      const distance = change.reduce((sum, part) => sum + stepOf(part), 0);
      if (distance < limit) near.push({ change, distance });
      if (near.length > MAX_HELD) break;
    }
    return near.sort((a, b) => a.distance - b.distance);
  }

  /** Tries them as long as they are nearer than the best. @returns whether none of those was left out */
  async #tryAll(changes: readonly Distant[]): Promise<boolean> {
    for (let begin = 0; begin < changes.length; begin += BLOCK) {
      if (changes[begin]!.distance >= (this.#best?.distance ?? Infinity)) break;
      if (begin >= MAX_TRIED || this.#isOver) return false;
      await this.#consider(changes.slice(begin, begin + BLOCK).map(({ change }) => this.#space.apply(change)));
    }
    return changes.length <= MAX_HELD;
  }

  /** Rows of the sample that have the wanted class, feature by feature set back while they keep it. */
  async #fromSample(): Promise<void> {
    const { axes, row } = this.#space;
    const sample = this.#options.background.rows;
    const figures = await this.#subject.run(joinRows(sample));
    const wanted = sample.filter((_, i) => this.#isWanted(figures[i]!)).slice(0, SAMPLE_ROWS);
    for (const other of wanted) {
      const moved = axes.map((axis): Change => ({ axis, value: sampledAt(axis, other, axis.name) }));
      let current = this.#space.apply(moved);
      for (const { axis } of moved.toSorted((a, b) => stepOf(b) - stepOf(a))) {
        if (this.#isOver) return;
        const back = { ...current, [axis.name]: row[axis.name]! };
        const [isKept] = await this.#consider([back]);
        if (isKept === true) current = back;
      }
      await this.#consider([current]);
    }
  }

  /** Moves each changed number of the best row towards where it was. */
  async #moveBack(): Promise<void> {
    for (const axis of this.#space.axes) {
      if (this.#best === undefined || axis.kind === 'choice' || Number.isNaN(axis.from)) continue;
      let [outside, inside] = [Number(axis.from), Number(valueAt(this.#best.row, axis.name))];
      for (let k = 0; k < BISECTIONS && !this.#isOver; k++) {
        const middle = inUnits(axis, (outside + inside) / 2, Math.round);
        if (middle === outside || middle === inside) break;
        const [isKept] = await this.#consider([this.#space.apply([{ axis, value: middle }], this.#best.row)]);
        if (isKept === true) inside = middle;
        else outside = middle;
      }
    }
  }
}

/** Every value of a feature: those of the sample and a grid over its range. */
function singlesOf(axis: Axis): Change[][] {
  const { kind, low, high } = axis;
  const grid = kind === 'choice' ? [] : Array.from({ length: GRID }, (_, k) => low + ((high - low) * k) / (GRID - 1));
  const values = [...axis.values, ...grid.map((value) => inUnits(axis, value, Math.round))];
  return Array.from(new Set(values), (value) => [{ axis, value }]);
}

/** Every two values of the sample, of two features. */
function* pairsOf(axes: readonly Axis[]): Generator<Change[]> {
  for (const [i, a] of axes.entries())
    for (const b of axes.slice(i + 1))
      for (const x of a.values)
        for (const y of b.values)
          yield [
            { axis: a, value: x },
            { axis: b, value: y },
          ];
}
