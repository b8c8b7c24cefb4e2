/** The words that all of this folder shares; they import nothing of it. */
import type { Label } from '../data/target.ts';
import type { HostTensor } from '../tensor/tensor.ts';

export const METHOD_NAMES = [
  'linear_shap',
  'exact_shap',
  'kernel_shap',
  'permutation',
  'integrated_gradients',
  'grad_cam',
  'attention_rollout',
] as const;
export type MethodName = (typeof METHOD_NAMES)[number];

/** Inputs of the model by name, first axis the rows. */
export type Feeds = Readonly<Record<string, HostTensor>>;

/** Does the sum of the attributions give what they claim to explain? */
export interface Completeness {
  readonly sum: number;
  /** The output less the base value. */
  readonly expected: number;
  readonly residual: number;
  readonly tolerance: number;
  readonly passed: boolean;
}

/** Per feature one number per element: one for a column, as many as the tensor has for a tensor. */
export type Attributions = Readonly<Record<string, Float64Array>>;

/** What the explained number is: `log_odds` of two classes, else the figure that the model decides by. */
export type FigureKind = 'log_odds' | 'logit' | 'probability' | 'score' | 'prediction' | 'distance';

/** The class explained, or the step of a forecast from 1. */
export type TargetName = Label;
