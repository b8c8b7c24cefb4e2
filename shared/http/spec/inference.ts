/** What *inference* serves: the schemas of everything else take longer to make than its other code to load. */
import { DIALECT_SPECS } from './dialects.ts';
import { OPEN_INFERENCE_SPECS } from './open-inference.ts';
import { PREDICTION_SPECS } from './predictions.ts';

export const INFERENCE_SPECS = { ...PREDICTION_SPECS, ...OPEN_INFERENCE_SPECS, ...DIALECT_SPECS };
