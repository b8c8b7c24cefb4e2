/** What the two sides of a prediction in a process of its own agree on, as JSON. */
import type { ErrorCode, ErrorDetail } from '../../errors.ts';
import type { GenerationParameters } from '../generation.ts';

export interface ApartRequest {
  /** The model's file. */
  readonly file: string;
  readonly isForeign: boolean;
  readonly threads: number;
  readonly instances: readonly unknown[];
  readonly parameters?: GenerationParameters | undefined;
}

export type ApartAnswer =
  | { readonly predictions: readonly unknown[]; readonly ms: number }
  | {
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly details: readonly ErrorDetail[] };
    };
