/**
 * Which Node runs the functions, and the scripts that run beside the harness as files. Functions run under the major version of their
 * runtime: the Node that runs the harness where it fits, else one that npm installed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const RUNTIME = /^nodejs(\d+)\.x$/;
const here = typeof __dirname === 'string' ? __dirname : dirname(fileURLToPath(import.meta.url));
const found = new Map<number, string>();

/** Packages that carry a Node binary for this platform. */
const NODE_PACKAGES = [
  `node-bin-${process.platform}-${process.arch}`,
  `node-${process.platform}-${process.arch}`,
  'node',
];

function majorOf(path: string): number {
  if (path === process.execPath) return Number(process.versions.node.split('.')[0]);
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
  return Number(/^v(\d+)\./.exec(stdout)?.[1] ?? '0');
}

function candidates(): string[] {
  const executable = process.platform === 'win32' ? 'node.exe' : 'node';
  const require = createRequire(join(process.cwd(), 'package.json'));
  const packaged = NODE_PACKAGES.flatMap((name) => {
    try {
      const root = dirname(require.resolve(`${name}/package.json`));
      return [join(root, 'bin', executable), join(root, executable)];
    } catch {
      return [];
    }
  });
  return [process.execPath, join(process.cwd(), 'node_modules', '.bin', executable), ...packaged].filter((path) =>
    existsSync(path),
  );
}

/**
 * Path of the Node that runs functions of `runtime` (`nodejs24.x`): of that major version, or the next newer one.
 * @throws if the runtime is not Node, or no such Node is installed, with how to get one.
 */
export function nodeForRuntime(runtime: string): string {
  const major = Number(RUNTIME.exec(runtime)?.[1] ?? '0');
  if (major === 0)
    throw new Error(`the runtime ${runtime} is not emulated: the harness runs nodejs22.x and nodejs24.x`);
  const known = found.get(major);
  if (known !== undefined) return known;
  const versions = candidates().map((path) => ({ path, major: majorOf(path) }));
  const fitting = versions.find((one) => one.major === major) ?? versions.find((one) => one.major > major);
  if (!fitting) {
    throw new Error(
      `no Node ${major} for ${runtime} is installed (found ${versions.map((one) => one.major).join(', ')}): run npm install, whose optional dependencies bring one, or use Node ${major}`,
    );
  }
  found.set(major, fitting.path);
  return fitting.path;
}

/** What runs outside the harness's own process, each as one file. */
export interface BundledScripts {
  readonly runtimeClient: string;
  readonly guardian: string;
}

/** Bundles the runtime client and the guardian into `directory` and answers the files' paths. */
export async function bundleScripts(directory: string): Promise<BundledScripts> {
  const { outputFiles } = await build({
    entryPoints: {
      'runtime-client': join(here, 'runtime-client', 'main.ts'),
      guardian: join(here, 'guardian', 'main.ts'),
    },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
  });
  mkdirSync(directory, { recursive: true });
  for (const { path, contents } of outputFiles) {
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, contents);
    renameSync(temporary, path);
  }
  return { runtimeClient: join(directory, 'runtime-client.mjs'), guardian: join(directory, 'guardian.mjs') };
}
