/**
 * `npm run build`: the stacks, synthesized for this machine into .tenon/cdk.out, where the local cloud reads them. Runs
 * infra/app.ts itself, as the CDK CLI would, because starting the CLI takes longer than the synthesis.
 * `tsx scripts/synth.ts [--out DIR] [-c name=value]...`
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: '.tenon/cdk.out' },
    context: { type: 'string', short: 'c', multiple: true, default: [] },
  },
});

const { context } = JSON.parse(readFileSync('cdk.json', 'utf8')) as { context: Record<string, unknown> };
const startedMs = performance.now();
// CDK's own validation and cdk-nag run in `npm run synth` and in the tests; here they would be most of the time.
process.env['CDK_VALIDATION'] = 'false';
const forHarness = {
  target: 'host',
  checks: false,
  'aws:cdk:enable-path-metadata': true,
  'aws:cdk:enable-asset-metadata': true,
};
process.env['CDK_OUTDIR'] = values.out;
process.env['CDK_CONTEXT_JSON'] = JSON.stringify({
  ...context,
  ...forHarness,
  ...Object.fromEntries(values.context.map(pairOf)),
});
await import('../infra/app.ts');
removeOldAssets(values.out);
console.log(`synthesized into ${values.out} in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);

function pairOf(argument: string): [string, string] {
  const at = argument.indexOf('=');
  if (at < 1) throw new Error(`-c ${argument}: expected name=value`);
  return [argument.slice(0, at), argument.slice(at + 1)];
}

/** CDK keeps the assets of every synthesis; each build would leave the ONNX Runtime twice more. */
function removeOldAssets(outDir: string): void {
  const files = readdirSync(outDir);
  const manifests = files
    .filter((file) => file.endsWith('.assets.json'))
    .map((file) => readFileSync(join(outDir, file), 'utf8'));
  const isOld = (file: string) => file.startsWith('asset.') && !manifests.some((manifest) => manifest.includes(file));
  for (const file of files.filter(isOld)) rmSync(join(outDir, file), { recursive: true });
}
