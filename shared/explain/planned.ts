/** Work that has been checked and not yet done, so that its cost is known before. */
export interface Planned<T> {
  /** Rows that will pass through the model, as far as it can be said beforehand. */
  readonly passes: number;
  run(): Promise<T>;
}

/** What a request may take where it does not say. */
export const DEFAULT_MAX_SECONDS = 10;
