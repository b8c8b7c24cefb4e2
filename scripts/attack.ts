/**
 * npm run attack -- --url URL --key-a A --key-b B: attacks a deployment, or a local cloud, as tenant B who wants what is A's.
 * Made of the route table. Use two tenants that were made for it: B's datasets and jobs come and go. Exit code 1: a hole.
 */
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { ATTACK_KINDS } from './attack/kinds/index.ts';
import { attack } from './attack/run.ts';
import type { AttackReport } from './attack/run.ts';

interface Options {
  url: string;
  keyA: string;
  keyB: string;
  expiredKey?: string;
  revokedKey?: string;
  suspendedKey?: string;
  kind?: string[];
  sample?: number;
  seed: number;
  concurrency: number;
  json?: boolean;
}

const program = new Command('attack')
  .description('Tries to reach one tenant with the key of another, and to break the service on the way.')
  .requiredOption('--url <url>', 'base URL of the API')
  .requiredOption('--key-a <key>', "the victim's API key")
  .requiredOption('--key-b <key>', "the attacker's API key, of another tenant")
  .option('--expired-key <key>', 'a key that has expired')
  .option('--revoked-key <key>', 'a key that was revoked, more than 60 s ago')
  .option('--suspended-key <key>', 'a key of a tenant that is suspended')
  .option('--kind <name...>', `only these kinds: ${ATTACK_KINDS.map(({ name }) => name).join('; ')}`)
  .option('--sample <n>', 'only n attempts of each kind on each route; default: all', atLeast(1))
  .option('--seed <n>', 'which ones: count it up to try others', atLeast(0), 0)
  .option('--concurrency <n>', 'requests at once', atLeast(1), 4)
  .option('--json', 'print one JSON object and nothing else')
  .parse();

const options = program.opts<Options>();
try {
  const report = await attack({
    url: options.url,
    keyA: options.keyA,
    keyB: options.keyB,
    deadKeys: {
      ...(options.expiredKey === undefined ? {} : { expired: options.expiredKey }),
      ...(options.revokedKey === undefined ? {} : { revoked: options.revokedKey }),
      ...(options.suspendedKey === undefined ? {} : { suspended: options.suspendedKey }),
    },
    ...(options.kind === undefined ? {} : { kinds: options.kind }),
    ...(options.sample === undefined ? {} : { sample: { perRoute: options.sample, seed: options.seed } }),
    concurrency: options.concurrency,
    ...(options.json === true ? {} : { log: (line) => console.error(pc.dim(line)) }),
  });
  if (options.json === true) console.log(JSON.stringify(report));
  else show(report);
  process.exitCode = report.failures.length === 0 ? 0 : 1;
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  if (options.json === true) console.log(JSON.stringify({ error: { code: 'internal', message } }));
  else console.error(pc.red(message));
  process.exitCode = 2;
}

function atLeast(least: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,6}$/.test(text) && Number(text) >= least) return Number(text);
    throw new InvalidArgumentError(`expected a whole number of at least ${least}.`);
  };
}

function show({ attempts, total, failures, skipped, seconds }: AttackReport): void {
  console.table(Object.entries(attempts).map(([kind, count]) => ({ kind, attempts: count })));
  for (const line of skipped) console.log(pc.yellow(`skipped: ${line}`));
  for (const { kind, attempt, why } of failures) console.log(pc.red(`${kind}: ${attempt}: ${why}`));
  const verdict = failures.length === 0 ? pc.green('no hole found') : pc.red(`${failures.length} holes`);
  console.log(`${total} attempts in ${seconds} s: ${verdict}`);
}
