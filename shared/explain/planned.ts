/** Work that has been checked and not yet done, so that its cost is known before. */
export interface Planned<T> {
  /** Rows that will pass through the model, as far as it can be said beforehand. */
  readonly passes: number;
  run(): Promise<T>;
}
