/** Weights of rows by their class, as logistic regression and support vector machines take them. */
import { ServiceError } from '../errors.ts';
import type { Label, Target } from '../data/target.ts';

type ClassWeight = 'balanced' | Readonly<Record<string, number>> | null;

export const labelsOf = (target: Target): readonly Label[] | undefined =>
  target.kind === 'classes' ? target.labels : undefined;

/** @throws invalid_request for a weight of a class that the target does not have, where its classes are known */
export function checkWeights(
  { class_weight: weights }: { readonly class_weight: ClassWeight },
  classes: readonly Label[] | undefined,
): void {
  if (weights === null || weights === 'balanced' || classes === undefined) return;
  const labels = classes.map(String);
  const unknown = Object.keys(weights).find((label) => !labels.includes(label));
  if (unknown === undefined) return;
  const message = `class_weight: the target has no class "${unknown}", its classes are ${labels.join(', ')}`;
  throw new ServiceError('invalid_request', message, { param: `/params/class_weight/${unknown}` });
}
