/** The pages of docs/families: their examples are accepted as they stand, and they name the parameters that the schemas have. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import { FAMILIES } from '../../../shared/families/registry.ts';
import { validateTraining } from '../../../shared/families/validate.ts';
import { createJobSchema } from '../../../shared/resources/job.ts';

const PAGES = FAMILIES.filter(({ name }) => existsSync(`docs/families/${name}.md`)).map((family) => ({
  family,
  text: readFileSync(`docs/families/${family.name}.md`, 'utf8'),
}));

/** The target of examples that has a class for every step. */
const STEP_TARGET = 'phases';

const jobs = (text: string): Record<string, unknown>[] =>
  [...text.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json]) => JSON.parse(json!) as Record<string, unknown>);

describe.each(PAGES)('docs/families/$family.name.md', ({ family, text }) => {
  test('shows a call that the API accepts', () => {
    const examples = jobs(text);

    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const body = createJobSchema.parse({ ...example, dataset: 'ds_00000000000000000000000000' });
      const isText = body.task === 'language_modelling' || body.preprocessing.text !== undefined;
      const feature = isText
        ? ({ name: body.features?.[0] ?? 'text', type: 'text' } as const)
        : family.featureTypes.includes('tensor')
          ? ({ name: body.features?.[0] ?? 'image', type: 'tensor', shape: [28, 28] } as const)
          : ({ name: body.features?.[0] ?? 'x', type: 'number' } as const);
      const name = body.target ?? 'unused';
      const type = body.task === 'classification' ? ('category' as const) : ('number' as const);
      const target =
        name === STEP_TARGET ? ({ name, type: 'tensor', shape: [28] } as const) : { name, type, unique: 10 };

      const checked = validateTraining(
        // A forecast is made from its target.
        { ...body, features: [body.task === 'forecasting' ? target.name : feature.name] },
        { columns: [feature, target] },
      );

      expect(checked.family.name).toBe(family.name);
    }
  });

  test('lists every parameter with its default', () => {
    const schema = z.toJSONSchema(family.params, { io: 'input', unrepresentable: 'any' });
    const rows = [...text.matchAll(/^\| (`.*?`) *\| (.*?) *\|/gm)].map(([, names, value]) => [names!, value!] as const);
    for (const [name, { default: value }] of Object.entries(
      schema.properties as Record<string, { default?: unknown }>,
    )) {
      const row = rows.find(([names]) => names.includes(`\`${name}\``));

      expect([name, row?.[0]]).toEqual([name, expect.any(String)]);
      if (typeof value === 'number' || typeof value === 'boolean') expect(row![1]).toContain(String(value));
    }
  });
});
