/** *fit* failed without an answer of its own: it crashed, ran out of memory or of time, as often as it was tried. */
export class FitFailed extends Error {
  override readonly name = 'FitFailed';
}
