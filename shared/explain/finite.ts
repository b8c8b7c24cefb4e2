/** What is no finite number cannot be explained: an error says so instead of an answer full of nulls, and which part of the request it comes from. */
import { ServiceError } from '../errors.ts';
import type { Attributions } from './terms.ts';

/** Of an explanation (contract.ts). */
interface Parts {
  readonly baseValue?: number;
  readonly attributions: Attributions;
  readonly standardErrors?: Attributions;
}

/** @throws invalid_request, to be pointed to what was asked of the model */
export function requireFiniteFigures(figures: Float64Array): void {
  if (figures.every((value) => Number.isFinite(value))) return;
  throw new ServiceError('invalid_request', "the model's answer is no finite number, so that it cannot be explained");
}

/** @throws invalid_request pointing to what the row is compared with, or to the method */
export function requireFiniteParts(
  { baseValue = 0, attributions, standardErrors = {} }: Parts,
  method: { readonly name: string; readonly needs: string },
): void {
  const compared = method.needs === 'background' ? 'background' : 'baseline';
  if (!Number.isFinite(baseValue)) {
    const message = `${compared}: the model's answer to it is no finite number, so that nothing can be compared with it: give another`;
    throw new ServiceError('invalid_request', message, { param: `/${compared}` });
  }
  const parts = [...Object.values(attributions), ...Object.values(standardErrors)];
  if (parts.every((values) => values.every((value) => Number.isFinite(value)))) return;
  const message = `method: ${method.name} finds no finite numbers between the ${compared} and the row: choose another, or another method`;
  throw new ServiceError('invalid_request', message, { param: '/method' });
}

/** Does the work; an error that points to no part of the request points to this one. */
export async function pointingTo<T>(param: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== 'invalid_request' || error.param !== undefined) throw error;
    const message = `${param}: ${error.message}`;
    throw new ServiceError(error.code, message, { param, details: [{ pointer: param, message }], cause: error });
  }
}
