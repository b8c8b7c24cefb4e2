/** The OpenAPI 3.1 document, made of the route table and the operations' specifications. Source: https://spec.openapis.org/oas/v3.1.1 */
import * as z from 'zod';
import { ROUTES } from '../contract.ts';
import type { Route } from '../contract.ts';
import { DIALECTS, dialectOf } from './dialects/index.ts';
import { SPECS } from './spec/index.ts';
import { pathExamples } from './spec/path-examples.ts';
import type { OperationSpec } from './spec/spec.ts';

type Json = Record<string, unknown>;

export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const route of ROUTES as readonly ((typeof ROUTES)[number] & Route)[]) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operationOf(route, SPECS[route.operation]);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tenon',
      version: '1',
      summary: 'Train, serve and understand models over HTTPS.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ bearer: [] }, { apiKey: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      },
      schemas: Object.fromEntries(DIALECTS.map(({ name, errorSchema }) => [name, jsonSchema(errorSchema, 'output')])),
      responses: Object.fromEntries(
        DIALECTS.map(({ name, errorType }) => [
          name,
          { description: 'Error', content: { [errorType]: { schema: { $ref: `#/components/schemas/${name}` } } } },
        ]),
      ),
    },
  };
}

function operationOf(route: Route, spec: OperationSpec): Json {
  return {
    operationId: route.operation,
    tags: [spec.tag],
    summary: spec.summary,
    ...(route.auth === 'none' ? { security: [] } : {}),
    parameters: [...pathParameters(route, spec), ...queryParameters(spec)],
    ...(spec.body === undefined
      ? {}
      : {
          requestBody: {
            required: !spec.body.safeParse(undefined).success,
            content: {
              'application/json': { schema: jsonSchema(spec.body, 'input'), example: spec.example },
              ...otherMedia(spec),
            },
          },
        }),
    responses: {
      [spec.status]: {
        description: 'Success',
        content: {
          [spec.answerType ?? 'application/json']: { schema: jsonSchema(spec.answer, 'output') },
          ...Object.fromEntries((spec.alternatives ?? []).map((type) => [type, { schema: { type: 'string' } }])),
        },
      },
      ...(spec.accepted === undefined
        ? {}
        : {
            202: {
              description: 'Accepted: Location says where to look',
              content: { 'application/json': { schema: jsonSchema(spec.accepted, 'output') } },
            },
          }),
      default: { $ref: `#/components/responses/${dialectOf(route.path).name}` },
    },
  };
}

/** Bodies that are no JSON. */
function otherMedia({ media = [] }: OperationSpec): Json {
  const others = media.filter((type) => type !== 'application/json');
  return Object.fromEntries(others.map((type) => [type, { schema: { type: 'string' } }]));
}

function pathParameters(route: Route, spec: OperationSpec): Json[] {
  const examples = pathExamples(route.path);
  return Object.entries(spec.params ?? {}).map(([name, description]) => ({
    name,
    in: 'path',
    required: true,
    description,
    schema: { type: 'string' },
    example: examples[name],
  }));
}

function queryParameters(spec: OperationSpec): Json[] {
  if (spec.query === undefined) return [];
  const { properties = {}, required = [] } = jsonSchema(spec.query, 'input') as {
    properties?: Json;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
    ...(spec.exampleQuery?.[name] === undefined ? {} : { example: spec.exampleQuery[name] }),
  }));
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
  return rest;
}
