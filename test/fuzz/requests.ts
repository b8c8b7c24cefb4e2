/** Requests to an operation, made of its specification: sound ones, and ones that are broken in body, query, header or path. */
import fc from 'fast-check';
import * as z from 'zod';
import { leavesOf, withValue } from '../../scripts/attack/bodies.ts';
import { TARGETS } from '../../scripts/attack/slots.ts';
import type { Target } from '../../scripts/attack/slots.ts';
import { valuesOf } from './schema-values.ts';
import type { JsonSchema } from './schema-values.ts';
import type { ServiceRequest } from './service.ts';
import { TENANT } from './things.ts';
import type { Things } from './things.ts';

export { TARGETS };

/** Of a tenant that may be erased again and again. */
const DOOMED = 'doomed';

const WORDS = [
  ...['length', 'width', 'kind', 'setosa', 'classification', 'regression', 'logistic_regression', 'svm', 'cnn'],
  ...['epochs', 'layers', 'C', 'kernel', 'latest', 'live', 'x', '', ' ', '0', '-1', '1e9', '2026-11-01', 'null'],
  ...['__proto__', 'constructor', 'toString', '../../x', 'a/b', '%2e%2e', '#', '*', '\0', '\ud800', '\u202e', 'é'],
  ...["' OR 1=1", '${aws:PrincipalTag/TenantId}', 'TENANT#other', 'https://example.com/x', 'application/json'],
];

/** JSON texts, some of which are none, for any place of a body. */
const ODD = [
  ...['null', 'true', '[]', '{}', '""', '0', '-0', '-1', '1.5', '1e308', '1e999', '5e-324', '9007199254740993', 'NaN'],
  ...['007', '"\\ud800"', '"a\\u0000b"', '"__proto__"', '{"__proto__":{"a":1}}', '[[[[1]]]]', '[null]', '"1"', "'x'"],
  ...[`"${'a'.repeat(5000)}"`, `[${'0,'.repeat(2000)}0]`, `${'['.repeat(100)}${']'.repeat(100)}`],
];

/** Any request to the operation: half of them as specified, as far as a schema can tell. */
export function requestsTo(target: Target, things: Things): fc.Arbitrary<ServiceRequest> {
  const { operation } = target.route;
  const words = wordsFor(target, things);
  // The log of the other tenant is too long to be gone through hundreds of times.
  const tenant = operation === 'eraseData' || operation === 'verifyAudit' ? DOOMED : TENANT;
  return fc.record({
    operation: fc.constant(operation as ServiceRequest['operation']),
    tenant: fc.constant(tenant),
    params: paramsOf(target, things),
    query: queriesOf(target, words),
    headers: headersOf(target, words),
    body: bodiesOf(target, things, words),
  });
}

function wordsFor({ route }: Target, things: Things): fc.Arbitrary<string> {
  const own = route.operation === 'eraseData' ? [DOOMED] : [things.dataset, things.job, things.batch, things.model];
  return fc.oneof(fc.constantFrom(...own, ...WORDS), fc.string({ maxLength: 12 }));
}

/** Path parameters by name; DELETE takes what can be spared. */
function paramsOf({ route, spec }: Target, { dataset, waiting, job, batch, model, spare }: Things) {
  const refs = [model, `${model}@latest`, `${model}@live`, `${model}:1`, `${model}:2`, `${model}:99`, `${model}@`];
  const known: Readonly<Record<string, readonly string[]>> = {
    id: [dataset, waiting, job, batch],
    // Its newest version may be one that waits for its upload.
    name: route.operation === 'completeModel' ? [model, `${model}:1`] : [model],
    ref: refs,
    version: ['1', '2', '0', '-1', '01', '1.0', '999999999', '9999999999'],
    alias: ['live', 'latest', 'canary'],
  };
  const odd = fc.oneof(fc.constantFrom(...WORDS), fc.string({ maxLength: 80 })).filter(isPathPart);
  const names = Object.keys(spec.params ?? {});
  return fc.record(
    Object.fromEntries(
      names.map((name) => {
        const own = route.method === 'DELETE' ? (spare[route.operation]?.[name] ?? []) : known[name]!;
        return [name, own.length === 0 ? odd : fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...own) }, odd)];
      }),
    ),
    { noNullPrototype: true },
  );
}

/** API Gateway gives no part that is empty, and none can be sent that UTF-8 cannot carry. */
function isPathPart(text: string): boolean {
  return text !== '' && text.isWellFormed();
}

function queriesOf({ spec }: Target, words: fc.Arbitrary<string>): fc.Arbitrary<Record<string, string>> {
  const any = fc.dictionary(words, words, { maxKeys: 2, noNullPrototype: true });
  if (spec.query === undefined) return any;
  const sound = valuesOf(schemaOf(spec.query), words).map((query) =>
    Object.fromEntries(Object.entries(query as object).map(([name, value]) => [name, String(value)])),
  );
  const broken = fc.tuple(sound, words, fc.oneof(fc.constantFrom('limit', 'after', 'from', 'group_by'), words));
  return fc.oneof(
    { weight: 3, arbitrary: sound },
    { weight: 2, arbitrary: broken.map(([query, value, name]) => ({ ...query, [name]: value })) },
    { weight: 1, arbitrary: any },
  );
}

function headersOf({ spec }: Target, words: fc.Arbitrary<string>): fc.Arbitrary<Record<string, string>> {
  const types = ['application/json', ...(spec.media ?? [])];
  const sound = fc.constantFrom(...types).map((type) => ({ 'content-type': type }));
  const others = fc.record(
    {
      'Content-Type': fc.oneof(fc.constantFrom('text/plain', 'application/JSON; charset=utf-8', 'x'), words),
      accept: fc.oneof(fc.constantFrom('*/*', 'text/markdown', ...(spec.alternatives ?? [])), words),
      'Idempotency-Key': words,
      'last-event-id': words,
      'Inference-Header-Content-Length': fc.oneof(fc.integer({ min: -1, max: 300 }).map(String), words),
      'X-Amz-Tenant-Id': words,
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  const accepting = fc.constantFrom(...types, ...(spec.alternatives ?? [])).map((accept) => ({ accept }));
  return fc.oneof(
    { weight: 5, arbitrary: sound },
    { weight: 2, arbitrary: fc.tuple(sound, accepting).map((all) => Object.assign({}, ...all) as Headers) },
    { weight: 1, arbitrary: fc.tuple(sound, others).map((all) => Object.assign({}, ...all) as Headers) },
    { weight: 1, arbitrary: others },
  );
}

type Headers = Record<string, string>;

function bodiesOf(target: Target, things: Things, words: fc.Arbitrary<string>): fc.Arbitrary<ServiceRequest['body']> {
  const { spec } = target;
  const text = fc.oneof(fc.constant(null), fc.string(), fc.constantFrom(...ODD), fc.json());
  if (spec.body === undefined) return text;
  const example = exampleOf(target, things);
  const made = valuesOf(schemaOf(spec.body), words);
  const sound = fc.oneof(
    { weight: 2, arbitrary: fc.constant(example) },
    { weight: 3, arbitrary: fc.tuple(made, fc.infiniteStream(fc.boolean())).map(mixedWith(example)) },
    { weight: 2, arbitrary: made },
  );
  const odd = fc.oneof(fc.constantFrom(...ODD), fc.jsonValue({ maxDepth: 2 }).map(toJson), words.map(toJson));
  const broken = fc.tuple(sound, fc.nat(), odd).map(([body, at, json]) => {
    const leaves = leavesOf(body);
    return leaves.length === 0 ? json : withValue(body, leaves[at % leaves.length]!.path, json);
  });
  const extended = fc.tuple(sound, words, fc.jsonValue({ maxDepth: 1 }));
  const cut = fc.tuple(sound, fc.nat()).map(([body, at]) => toJson(body).slice(0, at % toJson(body).length));
  const bytes = fc.tuple(sound, fc.uint8Array({ maxLength: 24 }));
  return fc.oneof(
    { weight: 6, arbitrary: sound.map(toJson) },
    { weight: 4, arbitrary: broken },
    { weight: 1, arbitrary: extended.map(([body, name, value]) => toJson({ ...(body as object), [name]: value })) },
    { weight: 1, arbitrary: cut },
    { weight: 1, arbitrary: text },
    { weight: 1, arbitrary: bytes.map(([body, tail]) => Buffer.concat([Buffer.from(toJson(body)), tail])) },
  );
}

/** The example, with some of its fields, and some more, as they were made. */
function mixedWith(example: unknown) {
  return ([made, picks]: [unknown, fc.Stream<boolean>]): unknown => {
    if (typeof made !== 'object' || made === null || Array.isArray(made)) return example;
    return { ...(example as object), ...Object.fromEntries(Object.entries(made).filter(() => !picks.next().value)) };
  };
}

function exampleOf({ spec }: Target, { dataset, job, model }: Things): unknown {
  const text = JSON.stringify(spec.example ?? {})
    .replaceAll(/"ds_\w+"/g, JSON.stringify(dataset))
    .replaceAll(/"job_\w+"/g, JSON.stringify(job));
  return JSON.parse(text.replaceAll('"the-id-of-another-tenant"', JSON.stringify(model))) as unknown;
}

function toJson(value: unknown): string {
  return JSON.stringify(value);
}

function schemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
}
