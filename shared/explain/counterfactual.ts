/**
 * Counterfactuals of tables: the smallest change of the features that may change which gives another class. Candidates are values of one and of two features,
 * and the sample's rows of the wanted class with as many features as possible set back; each number is then moved back until the answer is about to turn.
 * The size of a change is the sum over features of its share of the sample's range, and one for another category.
 * Sources: S. Wachter, B. Mittelstadt, C. Russell (2017); the distance is J. Gower's (1971).
 */
import type { FeatureSchema } from '../runtime/model-schema.ts';
import { tensor } from '../tensor/tensor.ts';
import { predictedOf } from './aim.ts';
import type { Background } from './background.ts';
import { joinRows, mapFeeds } from './rows.ts';
import type { Subject } from './subject.ts';
import type { Feeds } from './terms.ts';

/** Values tried of a number. */
const GRID = 24;
/** Halvings of the way back of a number. */
const BISECTIONS = 20;
/** Best single values that are tried in pairs. */
const PAIR_VALUES = 40;

export interface CounterfactualQuestion {
  /** One row. */
  readonly row: Feeds;
  readonly background: Background;
  /** The class to reach; any other than the row's where it is left out. */
  readonly wanted?: number | undefined;
  readonly immovable: ReadonlySet<string>;
}

export interface Counterfactual {
  readonly row: Feeds;
  readonly changed: readonly string[];
  readonly distance: number;
  /** The parts of the distance, by feature. */
  readonly steps: Readonly<Record<string, number>>;
  /** Rows tried. */
  readonly tried: number;
}

/** Undefined where nothing that was tried gives another class. */
export async function counterfactualOf(
  subject: Subject,
  question: CounterfactualQuestion,
): Promise<Counterfactual | undefined> {
  const search = new Search(subject, question, predictedOf((await subject.run(question.row))[0]!));
  const values = search.movable.flatMap((feature) => search.candidates(feature));
  const singles = values.map((change) => search.apply([change]));
  const margins = await search.consider(singles);
  const best = values
    .map((change, i) => ({ change, margin: margins[i]! }))
    .sort((a, b) => b.margin - a.margin)
    .slice(0, PAIR_VALUES)
    .map(({ change }) => change);
  const pairs = best.flatMap((a, i) =>
    best.slice(i + 1).flatMap((b) => (a.name === b.name ? [] : [search.apply([a, b])])),
  );
  await search.consider(pairs);
  await search.fromSample();
  await search.moveBack();
  return search.best;
}

interface Change {
  readonly name: string;
  readonly value: number | string;
}

class Search {
  best: Counterfactual | undefined;
  readonly movable: readonly FeatureSchema[];
  readonly #subject: Subject;
  readonly #question: CounterfactualQuestion;
  readonly #own: number;
  readonly #ranges: Readonly<Record<string, number>>;
  #tried = 0;

  constructor(subject: Subject, question: CounterfactualQuestion, own: number) {
    this.#subject = subject;
    this.#question = question;
    this.#own = own;
    this.movable = subject.schema.features.filter(({ name }) => !question.immovable.has(name));
    this.#ranges = Object.fromEntries(this.movable.map(({ name }) => [name, this.#rangeOf(name)]));
  }

  /** Values that a feature may take: those of the sample and a grid over its range, or every category. */
  candidates({ name, type, categories = [] }: FeatureSchema): Change[] {
    if (type === 'category') return categories.map((value) => ({ name, value }));
    const known = this.#sample(name).filter((value) => !Number.isNaN(value));
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const grid = Array.from({ length: GRID }, (_, k) => low + ((high - low) * k) / (GRID - 1));
    const whole = type === 'integer' || type === 'boolean';
    const values = [...known, ...grid].map((value) => (whole ? Math.round(value) : value));
    return [...new Set(values)].map((value) => ({ name, value }));
  }

  apply(changes: readonly Change[], row: Feeds = this.#question.row): Feeds {
    return changes.reduce<Feeds>(
      (feeds, { name, value }) => ({
        ...feeds,
        [name]:
          typeof value === 'string'
            ? tensor('string', [1, 1], [value])
            : tensor('float64', [1, 1], Float64Array.of(value)),
      }),
      row,
    );
  }

  /** Keeps the nearest row of another class. @returns by how much each row's wanted class leads */
  async consider(rows: readonly Feeds[]): Promise<number[]> {
    if (rows.length === 0) return [];
    this.#tried += rows.length;
    const figures = await this.#subject.run(joinRows(rows));
    return figures.map((row, i) => {
      if (this.#isFlipped(row)) this.#keep(rows[i]!);
      const others = row.filter((_, k) =>
        this.#question.wanted === undefined ? k !== this.#own : k === this.#question.wanted,
      );
      return Math.max(...others) - row[this.#own]!;
    });
  }

  /** Rows of the sample that have the wanted class, feature by feature set back while they keep it. */
  async fromSample(): Promise<void> {
    const { background, row } = this.#question;
    const figures = await this.#subject.run(joinRows(background.rows));
    const wanted = figures.flatMap((values, i) => (this.#isFlipped(values) ? [i] : []));
    for (const i of wanted.slice(0, 16)) {
      let current = mapFeeds(row, (value, name) =>
        this.#question.immovable.has(name) ? value : background.rows[i]![name]!,
      );
      const order = this.movable
        .map(({ name }) => name)
        .sort((a, b) => this.#step(b, current) - this.#step(a, current));
      for (const name of order) {
        const back = { ...current, [name]: row[name]! };
        await this.consider([back]);
        if (this.#isFlipped((await this.#subject.run(back))[0]!)) current = back;
      }
      await this.consider([current]);
    }
  }

  /** Moves each changed number of the best row towards where it was. */
  async moveBack(): Promise<void> {
    for (const { name, type } of this.movable) {
      if (this.best === undefined || type === 'category' || !this.best.changed.includes(name)) continue;
      const start = (this.#question.row[name]!.data as Float64Array)[0]!;
      let [outside, inside] = [start, (this.best.row[name]!.data as Float64Array)[0]!];
      for (let k = 0; k < BISECTIONS && !Number.isNaN(start); k++) {
        const middle =
          type === 'integer' || type === 'boolean' ? Math.round((outside + inside) / 2) : (outside + inside) / 2;
        if (middle === outside || middle === inside) break;
        const moved: Feeds = this.apply([{ name, value: middle }], this.best.row);
        await this.consider([moved]);
        if ((this.best.row[name]!.data as Float64Array)[0] === middle) inside = middle;
        else outside = middle;
      }
    }
  }

  /** The values of a number in the sample. */
  #sample(name: string): number[] {
    return this.#question.background.rows.map((row) => (row[name]!.data as Float64Array)[0]!);
  }

  #isFlipped(figures: Float64Array): boolean {
    const predicted = predictedOf(figures);
    return this.#question.wanted === undefined ? predicted !== this.#own : predicted === this.#question.wanted;
  }

  #keep(row: Feeds): void {
    const steps = this.movable.map(({ name }) => [name, this.#step(name, row)] as const);
    const distance = steps.reduce((sum, [, step]) => sum + step, 0);
    if (this.best !== undefined && distance >= this.best.distance) return;
    this.best = {
      row,
      distance,
      tried: this.#tried,
      steps: Object.fromEntries(steps.filter(([, step]) => step > 0)),
      changed: steps.flatMap(([name, step]) => (step > 0 ? [name] : [])),
    };
  }

  /** How far a feature moved: its share of the sample's range, or one for another category. */
  #step(name: string, row: Feeds): number {
    const [before, after] = [this.#question.row[name]!.data[0], row[name]!.data[0]];
    if (Object.is(before, after)) return 0;
    if (typeof before !== 'number' || typeof after !== 'number' || Number.isNaN(before - after)) return 1;
    return Math.abs(after - before) / this.#ranges[name]!;
  }

  #rangeOf(name: string): number {
    if (typeof this.#question.row[name]!.data[0] === 'string') return 1;
    const known = this.#sample(name).filter((value) => !Number.isNaN(value));
    const range = Math.max(...known) - Math.min(...known);
    return range > 0 ? range : 1;
  }
}
