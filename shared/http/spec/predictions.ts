/** Predictions and their explanations. */
import { batchSchema } from '../../resources/batch.ts';
import { explainSchema, explanationsSchema } from '../../resources/explanation.ts';
import { predictSchema, predictionsSchema } from '../../resources/prediction.ts';
import type { OperationSpec } from './spec.ts';

export const PREDICTION_SPECS = {
  predict: {
    tag: 'Predictions',
    summary:
      'Predict; what takes too long for one answer, or asks for it (Prefer: respond-async), becomes a batch: 202',
    params: { ref: 'name, name@alias or name:version' },
    body: predictSchema,
    example: { instances: [{ length: 1.5, width: 0.2 }] },
    status: 200,
    answer: predictionsSchema,
    accepted: batchSchema,
  },
  explain: {
    tag: 'Predictions',
    summary:
      'Explain predictions; every additive answer says whether it adds up. Always answered at once: Prefer is not heeded',
    params: { ref: 'name, name@alias or name:version' },
    body: explainSchema,
    example: { instances: [{ length: 1.5, width: 0.2 }], method: 'auto' },
    status: 200,
    answer: explanationsSchema,
    alternatives: ['image/png', 'image/svg+xml'],
  },
} as const satisfies Record<string, OperationSpec>;
