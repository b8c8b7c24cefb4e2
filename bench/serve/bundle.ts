/** A module as it would be deployed: bundled and minified like the functions (infra/constructs/bundles.ts), and imported. */
import { mkdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** Within the folder of the packages, so that ONNX Runtime is found from there. */
const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/tenon-bench/', import.meta.url));
const REQUIRE = "import{createRequire as requireOf}from'node:module';const require=requireOf(import.meta.url);";

export async function importBundled<Module>(entry: URL): Promise<Module> {
  mkdirSync(FOLDER, { recursive: true });
  const outfile = `${FOLDER}${basename(entry.pathname, '.ts')}.mjs`;
  await build({
    entryPoints: [fileURLToPath(entry)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    mainFields: ['module', 'main'],
    external: ['onnxruntime-node', 'onnxruntime-common'],
    banner: { js: REQUIRE },
    minify: true,
    logLevel: 'silent',
  });
  return (await import(pathToFileURL(outfile).href)) as Module;
}
