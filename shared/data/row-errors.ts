/**
 * Errors of single rows, collected while a file is read: the first hundred are kept, all are counted, and one
 * `dataset_invalid` is thrown at the end. Rows count from 1 and leave a header line out.
 */
import { ServiceError } from '../errors.ts';
import type { ErrorDetail } from '../errors.ts';

export const MAX_ROW_ERRORS = 100;

/** "row 17, column "age": expected a number, found "abc"", as far as the parts are known. */
export function describeDetail(detail: ErrorDetail): string {
  const place = [
    detail.row === undefined ? [] : [`row ${detail.row}`],
    detail.column === undefined ? [] : [`column "${detail.column}"`],
  ].flat();
  return place.length === 0 ? detail.message : `${place.join(', ')}: ${detail.message}`;
}

/** A dataset that cannot be used, with its single finding. */
export function invalidDataset(message: string, detail: Omit<ErrorDetail, 'message'> = {}): ServiceError {
  const finding = { ...detail, message };
  const hint = detail.hint === undefined ? '' : ` (${detail.hint})`;
  return new ServiceError('dataset_invalid', describeDetail(finding) + hint, { details: [finding] });
}

export class RowErrors {
  readonly details: ErrorDetail[] = [];
  total = 0;

  add(detail: ErrorDetail): void {
    this.total++;
    if (this.details.length < MAX_ROW_ERRORS) this.details.push(detail);
  }

  /** Adds those of one column, of which the first are enough, to those of the columns before it. */
  addAll({ details, total }: { readonly details: readonly ErrorDetail[]; readonly total: number }): void {
    this.total += total;
    this.details.push(...details.slice(0, MAX_ROW_ERRORS - this.details.length));
  }

  /** Throws `dataset_invalid` with all details, in the order of rows, if there are any. */
  throwIfAny(): void {
    if (this.total === 0) return;
    const details = this.details.toSorted((a, b) => (a.row ?? 0) - (b.row ?? 0));
    const first = details[0]!;
    const more = this.total === 1 ? '' : ` (and ${this.total - 1} more)`;
    const hint = first.hint === undefined ? '' : `; ${first.hint}`;
    throw new ServiceError('dataset_invalid', `${describeDetail(first)}${more}${hint}`, { details });
  }
}
