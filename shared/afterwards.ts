/**
 * What is done for a call after its answer has left: a function's environment may be frozen from then on, unless somebody keeps it awake
 * (functions/extension.ts).
 */
export interface Afterwards {
  /** Whether the environment stays awake until it is done. Where it does not, what has to be done is done before the answer. */
  readonly isAwaited: boolean;
  /** Runs the work after the answer to this call. @param work deals with its own errors */
  do(work: () => Promise<unknown>): void;
}

/** Of an environment that nobody keeps awake: what is begun may be done when it is called again, or never. */
export const UNAWAITED: Afterwards = {
  isAwaited: false,
  do: (work) => void work(),
};
