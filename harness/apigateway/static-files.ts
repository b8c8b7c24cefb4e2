/** Files beside an API, as `sam local start-api --static-dir` serves them: an API of AWS has none. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { extname, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { RequestFacts } from './proxy-event.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.txt': 'text/plain; charset=utf-8',
};

/** Answers with the file of that path; false where there is none, or it lies outside the folder. */
export async function serveStatic(
  directory: string | undefined,
  facts: RequestFacts,
  response: ServerResponse,
): Promise<boolean> {
  if (directory === undefined || (facts.httpMethod !== 'GET' && facts.httpMethod !== 'HEAD')) return false;
  const root = resolve(directory);
  const path = resolve(root, `.${decodeURIComponent(facts.path)}`);
  if (!path.startsWith(root + sep)) return false;
  const file = await stat(path).catch(() => undefined);
  if (!file?.isFile()) return false;
  response.writeHead(200, {
    'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream',
    'Content-Length': file.size,
  });
  if (facts.httpMethod === 'HEAD') response.end();
  else await pipeline(createReadStream(path), response);
  return true;
}
