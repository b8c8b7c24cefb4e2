/**
 * Finds the handler that a function names: `folder/file.export` or `file.namespace.export`, in CommonJS or ES modules.
 * Source: AWS Lambda developer guide, "Define Lambda function handler in Node.js".
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RuntimeError } from './errors.ts';

export type UserHandler = (event: unknown, ...rest: unknown[]) => unknown;

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');

/** Whether the handler was wrapped by awslambda.streamifyResponse. */
export function isStreamingHandler(handler: UserHandler): boolean {
  return Reflect.get(handler, STREAMING) === 'response';
}

/** What awslambda.streamifyResponse does: marks the handler. */
export function streamifyResponse(handler: UserHandler): UserHandler {
  Reflect.set(handler, STREAMING, 'response');
  return handler;
}

function fileOf(root: string, module: string): string {
  for (const extension of ['', '.js', '.mjs', '.cjs']) {
    const path = resolve(root, `${module}${extension}`);
    if (existsSync(path) && extension !== '') return path;
  }
  throw new RuntimeError(
    'ImportModuleError',
    `Error: Cannot find module '${basename(module)}'\nRequire stack:\n- ${join(root, module)}`,
  );
}

async function load(path: string): Promise<unknown> {
  try {
    return createRequire(path)(path);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ERR_REQUIRE_ASYNC_MODULE' || code === 'ERR_REQUIRE_ESM') return import(pathToFileURL(path).href);
    if (error instanceof SyntaxError) throw new RuntimeError('UserCodeSyntaxError', String(error));
    if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND')
      throw new RuntimeError('ImportModuleError', String(error));
    throw error;
  }
}

/** Loads the module and answers the handler function; errors are those of Lambda's own runtime. */
export async function loadHandler(root: string, handler: string): Promise<UserHandler> {
  const file = basename(handler);
  const dot = file.indexOf('.');
  if (dot === -1 || handler.includes('..')) throw new RuntimeError('MalformedHandlerName', 'Bad handler');
  const module = join(dirname(handler), file.slice(0, dot));
  let found: unknown = await load(fileOf(root, module));
  for (const name of file.slice(dot + 1).split('.')) {
    found = typeof found === 'object' && found !== null ? Reflect.get(found, name) : undefined;
  }
  if (found === undefined) throw new RuntimeError('HandlerNotFound', `${handler} is undefined or not exported`);
  if (typeof found !== 'function') throw new RuntimeError('HandlerNotFound', `${handler} is not a function`);
  return found as UserHandler;
}
