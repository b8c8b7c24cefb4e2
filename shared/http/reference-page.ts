/**
 * The OpenAPI document as a page for people: one HTML text without a script or anything loaded from elsewhere, and a
 * content security policy that lets nothing in but its own style. Everything on it comes from the document.
 */
import { createHash } from 'node:crypto';
import { openApiDocument } from './openapi.ts';

/** What the page reads of a JSON schema. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

interface Operation {
  readonly operationId: string;
  readonly tags: readonly [string];
  readonly summary: string;
  readonly security?: readonly unknown[];
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly description?: string;
    readonly example?: unknown;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema: Schema; example?: unknown }>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: Schema }>> }>>;
}

interface Entry extends Operation {
  readonly method: string;
  readonly path: string;
}

const STYLE = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font:14px/1.45 ui-monospace,monospace}pre{overflow:auto;padding:.75rem;border:1px solid #8886;border-radius:4px}
section{border-top:1px solid #8886;padding-top:.5rem}table{border-collapse:collapse;width:100%}td{padding:.2rem .75rem .2rem 0;vertical-align:top}
nav{columns:2;font-size:14px}h3 code{font-size:16px}details{margin:.5rem 0}summary{cursor:pointer}`;

/** Deeper fields stand in the document itself. */
const MAX_DEPTH = 3;

let page: string | undefined;

/** The page, as an answer. */
export function referencePage(): { text: string; headers: Record<string, string> } {
  const hash = createHash('sha256').update(STYLE).digest('base64');
  return {
    text: (page ??= render()),
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'public, max-age=300',
      'content-security-policy': `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    },
  };
}

function render(): string {
  const { info, paths } = openApiDocument() as {
    info: { title: string; version: string; summary: string };
    paths: Record<string, Record<string, Operation>>;
  };
  const entries = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Entry => ({ ...operation, method, path })),
  );
  const groups = Map.groupBy(entries, ({ tags: [tag] }) => tag);
  const body = [...groups].map(([tag, group]) => `<h2>${escape(tag)}</h2>${group.map(sectionOf).join('')}`);
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">`,
    `<title>${escape(info.title)} API</title><style>${STYLE}</style></head><body>`,
    `<h1>${escape(info.title)} API, version ${escape(info.version)}</h1><p>${escape(info.summary)} `,
    'Send your key as <code>Authorization: Bearer &lt;key&gt;</code> or <code>x-api-key</code>. ',
    'For programs: <a href="openapi.json">openapi.json</a>.</p>',
    `<nav>${entries.map(linkTo).join('')}</nav>${body.join('')}</body></html>`,
  ].join('');
}

function linkTo({ operationId, method, path }: Entry): string {
  return `<div><a href="#${operationId}">${method.toUpperCase()} ${escape(path)}</a></div>`;
}

function sectionOf(entry: Entry): string {
  const { operationId, method, path, summary, parameters } = entry;
  const parameterRows = parameters.map(({ name, in: place, required, description, schema }) =>
    row(name, `${place}, ${typeOf(schema)}`, required, description ?? schema.description),
  );
  return [
    `<section id="${operationId}"><h3><code>${method.toUpperCase()} ${escape(path)}</code></h3>`,
    `<p>${escape(summary)}.${isOpen(entry) ? ' No key needed.' : ''}</p>`,
    table(parameterRows),
    `<pre>${escape(curlOf(entry))}</pre>`,
    entry.requestBody === undefined ? '' : contentOf('Body', entry.requestBody.content),
    contentOf(`Answer ${Object.keys(entry.responses)[0]!}`, Object.values(entry.responses)[0]?.content ?? {}),
    '</section>',
  ].join('');
}

function isOpen({ security }: Operation): boolean {
  return security?.length === 0;
}

/** Its media types and the fields of the first of them. */
function contentOf(title: string, content: Readonly<Record<string, { schema: Schema }>>): string {
  return fold(`${title}: ${Object.keys(content).join(', ')}`, fieldsOf(Object.values(content)[0]?.schema ?? {}));
}

/** The example of an operation as a command. */
function curlOf(entry: Entry): string {
  const { method, path, parameters, requestBody } = entry;
  const valueOf = (place: string) =>
    parameters.flatMap(({ in: at, name, example }) =>
      at === place && example !== undefined ? [[name, String(example as string | number)] as const] : [],
    );
  const filled = valueOf('path').reduce((text, [name, value]) => text.replace(`{${name}}`, value), path);
  const query = new URLSearchParams(Object.fromEntries(valueOf('query'))).toString();
  const verb = method === 'get' ? '' : ` -X ${method.toUpperCase()}`;
  const key = isOpen(entry) ? '' : ' \\\n  -H "Authorization: Bearer $API_KEY"';
  const example = requestBody?.content['application/json']?.example;
  const data =
    example === undefined
      ? ''
      : ` \\\n  -H 'content-type: application/json' \\\n  -d '${JSON.stringify(example).replaceAll("'", String.raw`'\''`)}'`;
  return `curl${verb} "$URL${filled}${query === '' ? '' : `?${query}`}"${key}${data}`;
}

function fold(title: string, rows: readonly string[]): string {
  if (rows.length === 0) return `<p>${escape(title)}</p>`;
  return `<details><summary>${escape(title)}</summary>${table(rows)}</details>`;
}

/** A row per field; fields of objects and of lists of objects stand as `outer.inner`. */
function fieldsOf(schema: Schema, prefix = '', depth = 0): string[] {
  const { properties = {}, required = [], items } = schema;
  if (items !== undefined && depth < MAX_DEPTH) return fieldsOf(items, `${prefix}[]`, depth + 1);
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const inner = depth < MAX_DEPTH ? fieldsOf(field, path, depth + 1) : [];
    return [row(path, typeOf(field), required.includes(name), field.description), ...inner];
  });
}

function typeOf(schema: Schema): string {
  const { type, enum: values, anyOf, oneOf, items } = schema;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(' | ');
  const choices = anyOf ?? oneOf;
  if (choices !== undefined) return [...new Set(choices.map(typeOf))].join(' | ');
  if (type === 'array')
    return `array of ${items === undefined ? 'any' : typeOf(items)}${rangeOf(schema.minItems, schema.maxItems)}`;
  const name = typeof type === 'string' ? type : (type?.join(' | ') ?? 'any');
  const start = schema.default === undefined ? '' : `, ${JSON.stringify(schema.default)} by default`;
  return `${name}${rangeOf(schema.minimum, schema.maximum)}${start}`;
}

/** Bounds that say something: not those of every integer. */
function rangeOf(least?: number, most?: number): string {
  const low = least === undefined || least <= Number.MIN_SAFE_INTEGER ? '' : String(least);
  const high = most === undefined || most >= Number.MAX_SAFE_INTEGER ? '' : String(most);
  return low === '' && high === '' ? '' : ` (${low}..${high})`;
}

function row(name: string, type: string, isRequired: boolean, description = ''): string {
  const mark = isRequired ? ' <small>required</small>' : '';
  return `<tr><td><code>${escape(name)}</code>${mark}<td>${escape(type)}<td>${escape(description)}`;
}

function table(rows: readonly string[]): string {
  return rows.length === 0 ? '' : `<table>${rows.join('')}</table>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
