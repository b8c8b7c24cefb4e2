/** XML request bodies of S3 (DeleteObjects, CompleteMultipartUpload, tagging) as plain data; every value is text. */
import { XMLParser } from 'fast-xml-parser';
import { s3Error } from './errors.ts';

const parser = new XMLParser({
  parseTagValue: false,
  trimValues: false,
  removeNSPrefix: true,
  ignoreDeclaration: true,
  htmlEntities: true,
  // Elements that may repeat are always lists.
  isArray: (name) => name === 'Object' || name === 'Part' || name === 'Tag',
});

export interface XmlElement {
  readonly text: (name: string) => string | undefined;
  readonly list: (name: string) => readonly XmlElement[];
  readonly child: (name: string) => XmlElement | undefined;
}

/** The document's root element; throws MalformedXML where it is another one. */
export function parseXmlBody(body: Buffer, root: string): XmlElement {
  const text = body.toString();
  // The parser takes a document that was cut off for one that ends there.
  if (!new RegExp(`(</(\\w+:)?${root}|/)>\\s*$`).test(text)) throw s3Error('MalformedXML');
  let parsed: unknown;
  try {
    parsed = parser.parse(text);
  } catch (cause) {
    throw Object.assign(s3Error('MalformedXML'), { cause });
  }
  const element = (parsed as Record<string, unknown>)[root];
  if (typeof element !== 'object' || element === null)
    throw s3Error('MalformedXML', { message: `The XML body must be a <${root}> element.` });
  return wrap(element as Record<string, unknown>);
}

function wrap(element: Readonly<Record<string, unknown>>): XmlElement {
  const objects = (value: unknown) =>
    (Array.isArray(value) ? (value as unknown[]) : [value]).filter(
      (item) => typeof item === 'object' && item !== null,
    ) as Record<string, unknown>[];
  return {
    text: (name) => (typeof element[name] === 'string' ? element[name] : undefined),
    list: (name) => objects(element[name]).map(wrap),
    child: (name) => objects(element[name]).map(wrap)[0],
  };
}
