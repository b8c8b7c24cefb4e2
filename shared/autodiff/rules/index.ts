/** Every op: its gradient rule, or its place in the list of those that have none. An op in neither fails when the graph is built. */
import type { Rules } from '../vjp.ts';
import { activationRules } from './activation.ts';
import { arithmeticRules } from './arithmetic.ts';
import { convolutionRules } from './convolution.ts';
import { linearAlgebraRules } from './linear-algebra.ts';
import { normalizationRules } from './normalization.ts';
import { poolingRules } from './pooling.ts';
import { reductionRules } from './reduction.ts';
import { shapeRules } from './shape.ts';

export const RULES: Rules = {
  ...arithmeticRules,
  ...activationRules,
  ...linearAlgebraRules,
  ...convolutionRules,
  ...poolingRules,
  ...normalizationRules,
  ...reductionRules,
  ...shapeRules,
};

/** Ops whose results are constant wherever they are smooth: no cotangent passes through them. */
export const NON_DIFFERENTIABLE: ReadonlySet<string> = new Set([
  // booleans
  ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'And', 'Or', 'Not', 'IsNaN', 'IsInf'],
  // integers: positions, sizes, categories
  ...['ArgMax', 'ArgMin', 'Shape', 'OneHot', 'ai.onnx.ml:LabelEncoder', 'ai.onnx.ml:OneHotEncoder'],
  // steps
  ...['Sign', 'Floor', 'Ceil', 'Round'],
]);
