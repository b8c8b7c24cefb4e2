/**
 * Records <-> DynamoDB attributes. Strings, booleans and safe integers are stored as they are, so that conditions and ADD
 * can name them; everything else becomes `{json: "..."}`: DynamoDB refuses numbers below 1e-130, keeps 38 decimal digits
 * and allows 32 levels, and a tenant's parameters and metrics must come back exactly.
 */

export type Attributes = Record<string, unknown>;

export function toAttributes(record: object): Attributes {
  const attributes: Attributes = {};
  for (const [name, value] of Object.entries(record)) {
    if (value !== undefined) attributes[name] = toAttribute(value);
  }
  return attributes;
}

export function toAttribute(value: unknown): unknown {
  if (typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)) return value;
  return { json: JSON.stringify(value) };
}

/** The record of an item, without its keys and TTL. */
export function fromAttributes(item: Attributes): Attributes {
  const record: Attributes = {};
  for (const [name, value] of Object.entries(item)) {
    if (name === 'pk' || name === 'sk' || name === 'ttl') continue;
    record[name] = isJson(value) ? (JSON.parse(value.json) as unknown) : value;
  }
  return record;
}

function isJson(value: unknown): value is { json: string } {
  return typeof value === 'object' && value !== null && 'json' in value && typeof value.json === 'string';
}
