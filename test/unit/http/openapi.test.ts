import { describe, expect, it } from '@jest/globals';
import { ROUTES } from '../../../shared/contract.ts';
import { openApiDocument } from '../../../shared/http/openapi.ts';
import { SPECS } from '../../../shared/http/spec/index.ts';
import type { OperationSpec } from '../../../shared/http/spec/spec.ts';

type Document = Record<
  'paths',
  Record<string, Record<string, { operationId: string; parameters: { name: string; in: string }[] }>>
>;

describe('the OpenAPI document', () => {
  const document = openApiDocument() as Document;

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
