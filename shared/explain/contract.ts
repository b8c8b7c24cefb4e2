/**
 * The contract of an attribution method: one small file that says whom it can explain and how. Methods see a model (`Subject`) and one row as feeds;
 * they know nothing of requests, tenants or AWS. An additive method's attributions have to add up, and every answer says whether they do.
 */
import type { Aim } from './aim.ts';
import type { Background } from './background.ts';
import type { Subject } from './subject.ts';
import type { Attributions, Completeness, Feeds, MethodName } from './terms.ts';

/** How much work a request may cost; what is left out has the method's default. */
export interface Effort {
  readonly seed: number;
  /** Midpoint steps that integrated gradients begin with. */
  readonly steps?: number | undefined;
  /** Coalitions of `kernel_shap`, pairs of permutations of `permutation`. */
  readonly samples?: number | undefined;
  /** When the work has to be over, in ms of `performance.now()`. */
  readonly deadlineMs: number;
}

export interface PlannedEffort extends Pick<Effort, 'steps' | 'samples'> {
  /** Of the Shapley game of the row (players.ts). */
  readonly players: number;
  readonly backgroundRows: number;
}

/** What is asked of one row. */
export interface Question extends Effort {
  readonly row: Feeds;
  readonly aim: Aim;
  /** What Shapley values compare with. */
  readonly background?: Background | undefined;
  /** One row that integrated gradients begin at. */
  readonly baseline?: Baseline | undefined;
}

export interface Baseline {
  /** As the answer names it: zeros, mean, padding, given. */
  readonly name: string;
  readonly row: Feeds;
}

export interface Explanation {
  readonly attributions: Attributions;
  /** The explained number of the row. */
  readonly output: number;
  /** That of the background or the baseline; methods that are not additive have none. */
  readonly baseValue?: number;
  readonly completeness?: Completeness;
  /** Of each attribution, where the method samples. */
  readonly standardErrors?: Attributions;
  readonly baseline?: string;
  /** Midpoint steps of the path. */
  readonly steps?: number;
  /** What the reader has to know, such as that the time was over. */
  readonly note?: string;
}

export interface Method {
  readonly name: MethodName;
  /** The attributions and the base value add up to the output. */
  readonly isAdditive: boolean;
  /** What it needs besides the row. */
  readonly needs: 'background' | 'baseline' | 'nothing';
  /** Why it cannot explain this model by so many players, in words for the caller; undefined where it can. */
  refusal(subject: Subject, players: number): string | undefined;
  /** Rows that pass through the model for one explanation, as far as it can be said beforehand. */
  passes(subject: Subject, effort: PlannedEffort): number;
  explain(subject: Subject, question: Question): Promise<Explanation>;
}
