/** The parameters of `kmeans`, under scikit-learn's names, and what they need of the data. */
import * as z from 'zod';
import { ServiceError } from '../../errors.ts';

export const kmeansParams = z.strictObject({
  n_clusters: z.number().int().min(1).max(10_000).default(8),
  n_init: z.number().int().min(1).max(1000).default(10).describe('Starts, of which the best is kept.'),
  max_iter: z.number().int().min(1).max(100_000).default(300).describe('Iterations of one start.'),
  tol: z
    .number()
    .min(0)
    .default(1e-4)
    .describe('Ends when the centres move by less in all, squared, in units of the mean variance of the columns.'),
  init: z.enum(['k-means++', 'random']).default('k-means++').describe('How the first centres are chosen.'),
});

export type KmeansParams = z.infer<typeof kmeansParams>;

/** @param of `isSample` are the rows that memory holds of all */
export function checkRows(
  { n_clusters: clusters }: KmeansParams,
  { rows = Infinity, isSample = false }: { readonly rows?: number; readonly isSample?: boolean },
): void {
  if (clusters <= rows) return;
  const which = isSample ? 'rows that memory holds at once' : 'training rows';
  const message = `n_clusters: expected at most the ${rows} ${which}, got ${clusters}`;
  throw new ServiceError('invalid_request', message, { param: '/params/n_clusters' });
}
