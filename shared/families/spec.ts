/** What a training is asked to do: the fields of a job's body that concern the model, with their defaults. */
import type { Preprocessing } from '../data/encoding.ts';

export interface TrainingSpec {
  readonly task: string;
  readonly family: string;
  readonly target?: string | undefined;
  /** Default: every column but the target. */
  readonly features?: readonly string[] | undefined;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly preprocessing?: Preprocessing | undefined;
  /** `fraction` of the rows, or a dataset of its own (whose table the caller brings). Default: a fifth. */
  readonly validation?: { readonly fraction: number } | { readonly dataset: string } | undefined;
  readonly seed?: number | undefined;
}

export const DEFAULT_PREPROCESSING: Preprocessing = { standardize: 'auto', missing: 'mean', categories: 'one_hot' };
export const DEFAULT_VALIDATION_FRACTION = 0.2;

/** The share of the rows that is kept apart. */
export function validationFraction({ validation = { fraction: DEFAULT_VALIDATION_FRACTION } }: TrainingSpec): number {
  return 'fraction' in validation ? validation.fraction : 0;
}

/** The features of a training on data with these columns. */
export function featuresOf(spec: TrainingSpec, columns: readonly { readonly name: string }[]): string[] {
  return spec.features?.slice() ?? columns.map(({ name }) => name).filter((name) => name !== spec.target);
}
