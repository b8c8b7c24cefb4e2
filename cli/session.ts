/** What a command works with: the client of the service that one is logged in to, and how answers are printed. */
import type { Command } from 'commander';
import { ApiClient } from './client.ts';
import { findCredentials } from './config.ts';
import { UsageError } from './errors.ts';
import type { Output } from './terminal.ts';

export interface Session {
  readonly api: ApiClient;
  readonly output: Output;
}

export function outputOf(command: Command): Output {
  return { isJson: command.optsWithGlobals<{ json?: boolean }>().json === true };
}

/** @throws {UsageError} where one is not logged in */
export function sessionOf(command: Command): Session {
  const { url, key } = findCredentials();
  return { api: new ApiClient(url, key), output: outputOf(command) };
}

/** A number of an option. */
export function numeric(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new UsageError(`expected a number, got "${text}"`);
  return value;
}

/** JSON of a file. @throws {UsageError} where it is none */
export function parseJson(text: string, name: string): unknown {
  try {
    return readJson(text, name);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${name} is not JSON: ${(error as Error).message}`);
  }
}

/** @throws {SyntaxError} for what is no JSON @throws {UsageError} for a number that JavaScript reads as infinite, and would send as null */
export function readJson(text: string, name: string): unknown {
  return JSON.parse(text, (_key, value: unknown) => {
    if (value !== Infinity && value !== -Infinity) return value;
    throw new UsageError(`${name}: a number in it is too large: expected one between -1.8e308 and 1.8e308`);
  });
}

/** `name:version`, or the name with its latest version. */
export function splitVersion(ref: string): { name: string; version: number | undefined } {
  const [name = '', version] = ref.split(':');
  return { name, version: version === undefined ? undefined : numeric(version) };
}
