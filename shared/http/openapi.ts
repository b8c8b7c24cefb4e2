/** The OpenAPI 3.1 document, made of the route table and the operations' specifications. Source: https://spec.openapis.org/oas/v3.1.1 */
import * as z from 'zod';
import { ROUTES } from '../contract.ts';
import type { Route } from '../contract.ts';
import { ERROR_CODES } from '../errors.ts';
import { errorDetailSchema } from '../resources/common.ts';
import { SPECS } from './spec/index.ts';
import type { OperationSpec } from './spec/spec.ts';

type Json = Record<string, unknown>;

const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.enum(Object.keys(ERROR_CODES)),
  param: z.string().nullable(),
  request_id: z.string(),
  retryable: z.boolean(),
  errors: z.array(errorDetailSchema),
  error: z.object({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string() }),
});

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
      schemas: { Problem: jsonSchema(problemSchema, 'output') },
      responses: {
        Problem: {
          description: 'A problem (RFC 9457) that OpenAI clients understand too',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  };
}

function operationOf(route: Route, spec: OperationSpec): Json {
  return {
    operationId: route.operation,
    tags: [spec.tag],
    summary: spec.summary,
    ...(route.auth === 'none' ? { security: [] } : {}),
    parameters: [...pathParameters(spec), ...queryParameters(spec)],
    ...(spec.body === undefined
      ? {}
      : {
          requestBody: {
            required: !spec.body.safeParse(undefined).success,
            content: { 'application/json': { schema: jsonSchema(spec.body, 'input'), example: spec.example } },
          },
        }),
    responses: {
      [spec.status]: {
        description: 'Success',
        content: {
          'application/json': { schema: jsonSchema(spec.answer, 'output') },
          ...Object.fromEntries((spec.alternatives ?? []).map((type) => [type, { schema: { type: 'string' } }])),
        },
      },
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

function pathParameters(spec: OperationSpec): Json[] {
  return Object.entries(spec.params ?? {}).map(([name, description]) => ({
    name,
    in: 'path',
    required: true,
    description,
    schema: { type: 'string' },
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
  }));
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
  return rest;
}
