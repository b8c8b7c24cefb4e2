/**
 * Which service, and with which key: the environment, then what `tenon login` saved, then a local cloud that runs in this folder.
 * URL and key always come from one place: a key is not sent to an address that it was not given for.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { UsageError } from './errors.ts';

export interface Credentials {
  readonly url: string;
  readonly key: string;
  /** Where they come from, for people. */
  readonly source: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const LOCAL_FILE = join('.tenon', 'local.json');

export function configFile(env: Environment = process.env): string {
  if (env['TENON_CONFIG'] !== undefined) return env['TENON_CONFIG'];
  const base = env['XDG_CONFIG_HOME'] ?? env['APPDATA'] ?? join(homedir(), '.config');
  return join(base, 'tenon', 'config.json');
}

/** @throws {UsageError} where there are none, or half of them */
export function findCredentials(env: Environment = process.env, folder = '.'): Credentials {
  const found = fromEnvironment(env) ?? fromConfig(configFile(env)) ?? fromLocalCloud(join(folder, LOCAL_FILE));
  if (found !== undefined) return found;
  throw new UsageError(
    'not logged in: run tenon login, or set TENON_URL and TENON_API_KEY, or run this where npm start runs',
  );
}

/** Only its owner may read it. */
export function saveCredentials({ url, key }: Pick<Credentials, 'url' | 'key'>, file = configFile()): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${JSON.stringify({ url, api_key: key }, null, 2)}\n`, { mode: 0o600 });
  // The mode above is for a file that is made; one that stood there keeps its own.
  chmodSync(file, 0o600);
}

/** Whether there was something to forget. */
export function forgetCredentials(file = configFile()): boolean {
  const wasThere = existsSync(file);
  rmSync(file, { force: true });
  return wasThere;
}

/** @throws {UsageError} for a text that is no URL, or one that would carry the key in the clear */
export function checkUrl(text: string): string {
  if (!URL.canParse(text)) throw new UsageError(`expected a URL such as https://api.example.com/prod, got "${text}"`);
  const url = new URL(text);
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isHere))
    throw new UsageError(`${text}: expected https, so that the key does not travel in the clear`);
  return text.replace(/\/+$/, '');
}

function fromEnvironment({ TENON_URL: url = '', TENON_API_KEY: key = '' }: Environment): Credentials | undefined {
  if (url === '' && key === '') return undefined;
  if (url === '' || key === '') {
    const [set, unset] = url === '' ? ['TENON_API_KEY', 'TENON_URL'] : ['TENON_URL', 'TENON_API_KEY'];
    throw new UsageError(`${set} is set without ${unset}: set both, or neither`);
  }
  return { url: checkUrl(url), key, source: 'TENON_URL and TENON_API_KEY' };
}

function fromConfig(file: string): Credentials | undefined {
  const saved = read(file);
  return saved === undefined ? undefined : { ...saved, source: file };
}

/** One that is dead leaves its file behind when it is killed. */
function fromLocalCloud(file: string): Credentials | undefined {
  const saved = read(file);
  if (saved === undefined) return undefined;
  try {
    process.kill(saved.pid ?? 0, 0);
    return { url: saved.url, key: saved.key, source: `the local cloud of ${file}` };
  } catch {
    return undefined;
  }
}

function read(file: string): { url: string; key: string; pid?: number } | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const { url, api_key: key, pid } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    if (typeof url === 'string' && typeof key === 'string')
      return { url: checkUrl(url), key, ...(typeof pid === 'number' ? { pid } : {}) };
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`);
  }
  throw new UsageError(`${file} holds no "url" and "api_key": run tenon login again`);
}
