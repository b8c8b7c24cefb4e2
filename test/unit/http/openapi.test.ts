import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { ROUTES } from '../../../shared/contract.ts';
import { openApiDocument } from '../../../shared/http/openapi.ts';
import { referencePage } from '../../../shared/http/reference-page.ts';
import { SPECS } from '../../../shared/http/spec/index.ts';
import type { OperationSpec } from '../../../shared/http/spec/spec.ts';

type Document = Record<
  'paths',
  Record<string, Record<string, { operationId: string; parameters: { name: string; in: string }[] }>>
>;

describe('the OpenAPI document', () => {
  const document = openApiDocument() as Document;

  it("is valid by the OpenAPI Initiative's schema, and every reference in it leads somewhere", async () => {
    const validator = new Validator();

    const result = await validator.validate(JSON.parse(JSON.stringify(document)) as Record<string, unknown>);

    expect(result).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    expect(JSON.stringify(validator.resolveRefs())).not.toContain('"$ref":"#/components/responses');
  });

  it('is not valid without what the schema wants', async () => {
    const { info: _, ...rest } = JSON.parse(JSON.stringify(document)) as Record<string, unknown>;

    expect((await new Validator().validate(rest)).valid).toBe(false);
  });

  it('has every route of the contract', () => {
    const documented = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );

    expect(documented.toSorted()).toEqual(ROUTES.map(({ operation }) => operation).toSorted());
  });

  it('describes every parameter of every path', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      for (const { parameters } of Object.values(methods)) {
        expect(parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)).toEqual(inPath);
      }
    }
  });

  it('is JSON as it stands', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });
});

describe('examples', () => {
  const specs = Object.entries(SPECS as Record<string, OperationSpec>).filter(([, spec]) => spec.body !== undefined);

  it.each(specs)('of %s are valid bodies', (_, spec) => {
    expect(spec.body?.safeParse(spec.example).success).toBe(true);
  });
});

describe('the reference page', () => {
  const { text, headers } = referencePage();

  it('shows every operation once, and its policy allows the style that it has', () => {
    const style = /<style>(.*?)<\/style>/s.exec(text)?.[1] ?? '';
    const sections = [...text.matchAll(/<section id="(\w+)">/g)].map(([, id]) => id ?? '');

    expect(sections.toSorted()).toEqual(ROUTES.map(({ operation }) => operation).toSorted());
    expect(headers['content-security-policy']).toContain(createHash('sha256').update(style).digest('base64'));
    expect(text.length).toBeLessThan(200_000);
  });
});
