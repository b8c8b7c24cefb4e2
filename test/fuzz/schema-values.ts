/** Values that a JSON Schema (of zod's making) allows, as a fast-check arbitrary. */
import fc from 'fast-check';

export interface JsonSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** Longer lists and texts are tried elsewhere; here they would only be slow. */
const MOST = 4;
const SAFE = Number.MAX_SAFE_INTEGER;

/** @param words texts to choose from, where any text will do */
export function valuesOf(schema: JsonSchema, words: fc.Arbitrary<string>): fc.Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return fc.oneof(...choices.map((choice) => valuesOf(choice, words)));
  if (schema.allOf !== undefined)
    return fc
      .tuple(...schema.allOf.map((part) => valuesOf(part, words)))
      .map((parts): unknown => Object.assign({}, ...parts));
  switch (schema.type) {
    case 'object':
      return objectsOf(schema, words);
    case 'array':
      return arraysOf(schema, words);
    case 'string':
      return textsOf(schema, words);
    case 'number':
      return numbersOf(schema);
    case 'integer':
      return integersOf(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.oneof({ weight: 2, arbitrary: fc.jsonValue({ maxDepth: 2 }) }, { weight: 1, arbitrary: words });
  }
}

function objectsOf(schema: JsonSchema, words: fc.Arbitrary<string>): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties } = schema;
  const known = fc.record(
    Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, valuesOf(inner, words)])),
    { requiredKeys: required.filter((name) => name in properties), noNullPrototype: true },
  );
  if (typeof additionalProperties !== 'object') return known;
  const more = fc.dictionary(words, valuesOf(additionalProperties, words), { maxKeys: 3, noNullPrototype: true });
  return fc.tuple(more, known).map(([others, own]) => ({ ...others, ...own }));
}

function arraysOf({ items = {}, prefixItems, minItems = 0, maxItems = MOST }: JsonSchema, words: fc.Arbitrary<string>) {
  if (prefixItems !== undefined) return fc.tuple(...prefixItems.map((item) => valuesOf(item, words)));
  const most = Math.max(minItems, Math.min(maxItems, MOST));
  return fc.array(valuesOf(items, words), { minLength: minItems, maxLength: most });
}

function textsOf({ pattern, minLength = 0, maxLength = 40 }: JsonSchema, words: fc.Arbitrary<string>) {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  const any = fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, 40)) });
  return fc.oneof({ weight: 3, arbitrary: words }, { weight: 1, arbitrary: any });
}

function numbersOf({ minimum, exclusiveMinimum, maximum }: JsonSchema) {
  const min = minimum ?? exclusiveMinimum ?? -1e9;
  return fc.double({
    min,
    max: maximum ?? Math.max(1e9, min),
    minExcluded: exclusiveMinimum !== undefined,
    noNaN: true,
  });
}

function integersOf({ minimum, exclusiveMinimum, maximum = SAFE }: JsonSchema) {
  const min = Math.max(-SAFE, minimum ?? (exclusiveMinimum === undefined ? -SAFE : exclusiveMinimum + 1));
  const whole = fc.integer({ min, max: Math.min(SAFE, maximum) });
  // Small ones mean more: sizes, counts, versions.
  return min > 5 || maximum < min + 5 ? whole : fc.oneof(fc.integer({ min, max: min + 5 }), whole);
}
