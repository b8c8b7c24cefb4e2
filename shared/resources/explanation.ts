/** What an explanation takes and answers. */
import * as z from 'zod';

export const EXPLANATION_METHODS = [
  'auto',
  'linear_shap',
  'exact_shap',
  'kernel_shap',
  'permutation',
  'integrated_gradients',
  'grad_cam',
  'attention_rollout',
  'counterfactual',
] as const;

const label = z.union([z.string(), z.number(), z.boolean()]);

export const explainSchema = z.strictObject({
  instances: z
    .array(z.unknown())
    .min(1, 'expected at least one instance')
    .max(100, 'expected at most 100 instances: send them in several calls'),
  method: z.enum(EXPLANATION_METHODS).default('auto').describe('auto chooses for the model and says why in `reason`.'),
  target: label
    .optional()
    .describe('The class or token to explain, by default the predicted one; of a forecast the step, from 1.'),
  step: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Of a model with a prediction for every step: which, from 1; by default the last one.'),
  baseline: z
    .unknown()
    .optional()
    .describe('Where integrated_gradients begin: "zeros", "mean", "padding" (of texts) or an instance.'),
  background: z
    .array(z.unknown())
    .min(1)
    .max(1000)
    .optional()
    .describe('Instances that Shapley values compare with, in place of the sample kept at training.'),
  allowed: z.array(z.string()).min(1).optional().describe('Of a counterfactual: features that may change.'),
  immovable: z.array(z.string()).optional().describe('Of a counterfactual: features that may not.'),
  seed: z.number().int().min(0).max(0xffff_ffff).default(0),
  steps: z.number().int().min(1).max(4096).optional().describe('Steps that integrated_gradients begin with (64).'),
  samples: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe('Coalitions of kernel_shap, pairs of orders of permutation.'),
  max_seconds: z.number().min(0.1).max(25).default(10).describe('When the time is over, the answer says so.'),
});

export type ExplainBody = z.infer<typeof explainSchema>;

export const completenessSchema = z.object({
  sum: z.number(),
  expected: z.number(),
  residual: z.number(),
  tolerance: z.number(),
  passed: z.boolean(),
});

export const explanationSchema = z.object({
  method: z.string(),
  reason: z.string().optional(),
  target: label,
  step: z.number().int().optional(),
  explains: z
    .string()
    .describe('What `output` is: log_odds (of two classes), logit, probability, score, prediction or distance.'),
  base_value: z.number().optional(),
  output: z.number(),
  attributions: z.unknown().describe('{feature: number}, or nested numbers of the shape of the one tensor feature.'),
  tokens: z.array(z.string()).optional().describe('Of a text: what each attribution belongs to.'),
  completeness: completenessSchema
    .optional()
    .describe('Of additive methods: whether the attributions add up to output - base_value.'),
  standard_errors: z.unknown().optional(),
  baseline: z.string().optional(),
  background: z.object({ name: z.string(), rows: z.number().int() }).optional(),
  steps: z.number().int().optional(),
  counterfactual: z
    .object({
      instance: z.record(z.string(), z.unknown()),
      changes: z.record(z.string(), z.object({ from: z.unknown(), to: z.unknown() })),
      distance: z.number(),
      predicted: label,
      minimality: z
        .object({ proven: z.boolean(), by: z.string(), at_least: z.number().optional(), statement: z.string() })
        .describe('What is known of smaller changes: closed_form of linear models, all_pairs, or a search.'),
    })
    .optional()
    .describe('The nearest row found with another answer, and what the model says of it.'),
  note: z.string().optional(),
});

export const explanationsSchema = z.object({
  explanations: z.array(explanationSchema),
  model: z.string(),
  model_version: z.number().int(),
});
