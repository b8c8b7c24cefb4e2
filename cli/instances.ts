/**
 * What a prediction is asked for: instances of a JSON file, JSON lines, CSV, stdin, or pictures. CSV cells get the types, and
 * pictures the shape, that the model's card names.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { UsageError } from './errors.ts';
import { toPixels } from './picture/pixels.ts';
import { decodePng, isPng } from './picture/png.ts';
import type { Picture } from './picture/png.ts';
import type { Feature } from './resources.ts';
import { parseJson } from './session.ts';

export interface InstanceOptions {
  /** The columns that the model takes. */
  readonly features: readonly Feature[];
  /** Of a picture: dark strokes on a light ground become light on dark. */
  readonly invert: boolean;
}

/** @throws {UsageError} for a file that is missing or cannot be understood */
export async function readInstances(file: string, options: InstanceOptions): Promise<unknown[]> {
  const content = readContent(file);
  const decode = decoderOf(content);
  if (decode !== undefined) return [await instanceOfPicture(() => decode(content), file, options)];
  const text = content.toString('utf8').replace(/^\u{feff}/u, '');
  if (/^\s*[[{"]/.test(text)) return instancesOfJson(text, file);
  return instancesOfCsv(text, file, options.features);
}

/** One instance, a list of them, a body with `instances`, or JSON lines. */
export function instancesOfJson(text: string, name: string): unknown[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const areLines = lines.length > 1 && lines.every((line) => isJson(line));
  if (areLines) return lines.map((line) => JSON.parse(line) as unknown);
  const value = parseJson(text, name);
  if (Array.isArray(value)) return value as unknown[];
  const { instances } = Object(value) as { instances?: unknown };
  return Array.isArray(instances) ? (instances as unknown[]) : [value];
}

/** Columns that the model does not take, such as the target, are left out. */
export function instancesOfCsv(text: string, name: string, features: readonly Feature[]): unknown[] {
  let rows: Record<string, string>[];
  try {
    rows = parse(text, { columns: true, skip_empty_lines: true, delimiter: delimiterOf(text) });
  } catch (error) {
    throw new UsageError(`${name} is not CSV: ${(error as Error).message}`);
  }
  const missing = features.filter((feature) => rows[0] !== undefined && !Object.hasOwn(rows[0], feature.name));
  if (missing.length > 0)
    throw new UsageError(
      `${name}: the columns ${missing.map((feature) => `"${feature.name}"`).join(', ')} are missing`,
    );
  return rows.map((row) =>
    Object.fromEntries(features.map((feature) => [feature.name, cellOf(row[feature.name]!, feature)])),
  );
}

/** A cell that is not of its type goes out as it stands: the service says what it expected. */
function cellOf(text: string, { type }: Feature): unknown {
  if (text === '') return null;
  if (type === 'category' || type === 'text') return text;
  if (type === 'boolean') return /^(true|1|yes)$/i.test(text) ? true : /^(false|0|no)$/i.test(text) ? false : text;
  if (type === 'tensor') return isJson(text) ? (JSON.parse(text) as unknown) : text;
  return Number.isFinite(Number(text)) ? Number(text) : text;
}

/** Of a picture; undefined of anything else. JPEG's is loaded where it is needed. */
function decoderOf(content: Buffer): ((content: Buffer) => Promise<Picture>) | undefined {
  if (isPng(content)) return (png) => Promise.resolve(decodePng(png));
  const isJpeg = content[0] === 0xff && content[1] === 0xd8 && content[2] === 0xff;
  return isJpeg ? async (jpeg) => (await import('./picture/jpeg.ts')).decodeJpeg(jpeg) : undefined;
}

async function instanceOfPicture(
  decode: () => Promise<Picture>,
  file: string,
  { features, invert }: InstanceOptions,
): Promise<unknown> {
  const [feature] = features;
  const shape = feature?.shape ?? [];
  if (feature === undefined || features.length > 1 || shape.length < 2)
    throw new UsageError(`${file} is a picture, and the model takes ${features.map(({ name }) => name).join(', ')}`);
  const [height = 0, width = 0, channels] = shape;
  try {
    const pixels = toPixels(await decode(), { width, height, channels, invert });
    return { [feature.name]: pixels };
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`);
  }
}

function readContent(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    throw new UsageError(`${file === '-' ? 'stdin' : file} cannot be read: ${(error as Error).message}`);
  }
}

/** The one of them that stands most often in the first line. */
function delimiterOf(text: string): string {
  const [line = ''] = text.split('\n', 1);
  const count = (delimiter: string): number => line.split(delimiter).length;
  return [',', ';', '\t', '|'].reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
