/** What an alias of a model points to: one version, or several by weight. */
import * as z from 'zod';

const versionSchema = z.number().int().min(1);

const splitSchema = z.strictObject({
  split: z
    .array(z.strictObject({ version: versionSchema, weight: z.number().positive().max(1e6) }))
    .min(2, 'expected at least two versions: for one send {"version": ...}')
    .max(10, 'expected at most 10 versions')
    .refine(
      (parts) => new Set(parts.map(({ version }) => version)).size === parts.length,
      'a version stands there twice',
    ),
  sticky: z
    .literal('user')
    .optional()
    .describe('Calls that name the same user get the same version, as long as the split stays'),
});

/** Body of PUT. */
export const aliasSchema = z.union([z.strictObject({ version: versionSchema }), splitSchema], {
  error: ({ input }) =>
    typeof input === 'object' && input !== null && 'version' in input && 'split' in input
      ? 'expected "version" or "split", not both'
      : undefined,
});

/** As it is stored and shown: a version's number, or a split. */
export const aliasTargetSchema = z.union([versionSchema, splitSchema]);

export type AliasTarget = z.infer<typeof aliasTargetSchema>;
export type Split = z.infer<typeof splitSchema>;

export function versionsOfTarget(target: AliasTarget): readonly number[] {
  return typeof target === 'number' ? [target] : target.split.map(({ version }) => version);
}

/** The alias's target, or undefined; an alias may be called like a member of every object. */
export function targetOf(aliases: Readonly<Record<string, AliasTarget>>, alias: string): AliasTarget | undefined {
  return Object.hasOwn(aliases, alias) ? aliases[alias] : undefined;
}
