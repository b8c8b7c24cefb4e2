/** What the two sides of the sandbox agree on. */
import type { LintReport } from '../../onnx/lint/lint.ts';
import type { TrialReport } from '../trial.ts';

export interface Verdict {
  readonly lint: LintReport;
  /** None for a model with findings. */
  readonly trial?: TrialReport;
}
