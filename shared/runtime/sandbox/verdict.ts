/** What the two sides of the sandbox agree on. */
import type { LintReport } from '../../onnx/lint/lint.ts';
import type { TrialReport } from '../trial.ts';

/** The pipe that the report comes through: what ONNX Runtime prints cannot mix with it. */
export const REPORT_FD = 3;

export interface Verdict {
  readonly lint: LintReport;
  /** None for a model with findings. */
  readonly trial?: TrialReport;
}
