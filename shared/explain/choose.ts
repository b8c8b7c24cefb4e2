/** Which method `auto` is, and why: the one that is exact for the model, or else the cheapest that still adds up. */
import type { MethodName } from './terms.ts';
import { METHODS } from './methods/index.ts';
import type { Subject } from './subject.ts';

/** Passes that `auto` spends on one row of exact Shapley values. */
const EXACT_PASSES = 40_000;

export interface Choice {
  readonly method: MethodName;
  readonly reason: string;
}

/** @param players of the Shapley game of a row */
export function chooseMethod(subject: Subject, players: number, backgroundRows: number): Choice {
  const { features } = subject.schema;
  if (METHODS.linear_shap.refusal(subject, players) === undefined) {
    return {
      method: 'linear_shap',
      reason: 'the model is linear in its encoded features: the closed form is exact and costs one pass',
    };
  }
  if (features.length === 1 && (features[0]!.type === 'tensor' || features[0]!.type === 'text')) {
    return {
      method: 'integrated_gradients',
      reason:
        'a network over one tensor or text: gradients along a line reach every element, and the steps are doubled until they add up',
    };
  }
  if (METHODS.exact_shap.refusal(subject, players) === undefined && 2 ** players * backgroundRows <= EXACT_PASSES) {
    return {
      method: 'exact_shap',
      reason: `${players} features make ${2 ** players} coalitions: all of them can be asked`,
    };
  }
  return {
    method: 'kernel_shap',
    reason: `${players} features make too many coalitions to ask them all: a seeded sample with its standard error`,
  };
}
