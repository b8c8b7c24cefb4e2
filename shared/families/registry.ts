/** Every model family, by the name it has on the wire. The conformance suite runs over this table. */
import type { AnyFamily } from './contract.ts';
import { attention } from './attention/index.ts';
import { cnn } from './cnn/index.ts';
import { kmeans } from './kmeans/index.ts';
import { linearRegression } from './linear-regression.ts';
import { logisticRegression } from './logistic-regression/index.ts';
import { rnn } from './rnn/index.ts';
import { svm } from './svm/index.ts';

export const FAMILIES: readonly AnyFamily[] = [linearRegression, logisticRegression, svm, kmeans, cnn, rnn, attention];

export function findFamily(name: string): AnyFamily | undefined {
  return FAMILIES.find((family) => family.name === name);
}
