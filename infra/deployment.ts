/** What every stack of one deployment shares: the settings and the bundled code of the functions. */
import type { Bundles } from './constructs/bundles.ts';
import type { Settings } from './settings.ts';

export interface Deployment {
  readonly settings: Settings;
  readonly bundles: Bundles;
}
