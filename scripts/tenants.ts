/**
 * npm run tenants -- <command>: tenants and keys, for operators. It invokes the admin function with your AWS credentials, or
 * in the local cloud while `npm start` runs (say --aws for your account all the same).
 */
import { existsSync, readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { ADMIN_FUNCTION, invokeAdmin } from './admin-client.ts';

interface Globals {
  json?: boolean;
  aws?: boolean;
  function: string;
}

const program = new Command('tenants')
  .description('Tenants and API keys of a Tenon deployment.')
  .option('--json', 'print one JSON object and nothing else')
  .option('--aws', 'use your AWS account even while a local cloud runs')
  .option('--function <name>', 'name of the admin function', ADMIN_FUNCTION);

const planOption = () => new Option('--plan <plan>', 'free, standard or dedicated').default('free');

program
  .command('create <tenant>')
  .description('make a tenant and its first key; the key is shown this once')
  .option('--name <name>', 'a name for people')
  .addOption(planOption())
  .action((tenant: string, options: { name?: string; plan: string }) =>
    run({ command: 'create', tenant_id: tenant, ...options }),
  );
program
  .command('list')
  .description('all tenants')
  .action(() => run({ command: 'list' }));
for (const command of ['suspend', 'resume'] as const) {
  program.command(`${command} <tenant>`).action((tenant: string) => run({ command, tenant_id: tenant }));
}
program
  .command('set-plan <tenant> <plan>')
  .action((tenant: string, plan: string) => run({ command: 'set-plan', tenant_id: tenant, plan }));
program
  .command('create-key <tenant>')
  .description('another key; it is shown this once')
  .option('--expires-in-days <days>', 'days until the key expires', Number)
  .action((tenant: string, { expiresInDays }: { expiresInDays?: number }) =>
    run({
      command: 'create-key',
      tenant_id: tenant,
      ...(expiresInDays === undefined ? {} : { expires_in_days: expiresInDays }),
    }),
  );
program.command('list-keys <tenant>').action((tenant: string) => run({ command: 'list-keys', tenant_id: tenant }));
program
  .command('revoke-key <tenant> <key-id>')
  .description('takes effect within 60 s')
  .action((tenant: string, keyId: string) => run({ command: 'revoke-key', tenant_id: tenant, key_id: keyId }));

await program.parseAsync();

async function run(command: object): Promise<void> {
  const options = program.opts<Globals>();
  const local = options.aws === true ? undefined : localLambdaUrl();
  if (local !== undefined && options.json !== true)
    console.error(pc.dim(`in the local cloud at ${local} (--aws for your account)`));
  try {
    const answer = await invokeAdmin(command, local, options.function);
    const failure = answer['error'] as { message: string } | undefined;
    if (options.json === true) console.log(JSON.stringify(answer));
    else if (failure !== undefined) console.error(pc.red(failure.message));
    else show(answer);
    if (failure !== undefined) process.exitCode = 1;
  } catch (error) {
    const message = explain(error instanceof Error ? error.message : String(error));
    if (options.json === true) console.log(JSON.stringify({ error: { code: 'internal', message } }));
    else console.error(pc.red(message));
    process.exitCode = 1;
  }
}

function show(raw: Record<string, unknown>): void {
  const answer = withDates(raw);
  if (Array.isArray(answer['data'])) {
    if (answer['data'].length === 0) console.log('none');
    else console.table(answer['data']);
    return;
  }
  const width = Math.max(...Object.keys(answer).map((name) => name.length));
  for (const [name, value] of Object.entries(answer)) console.log(`${name.padEnd(width)}  ${String(value)}`);
  if (answer['api_key'] !== undefined) console.error(pc.yellow('The key is shown this once: keep it now.'));
}

/** Epoch seconds as dates, for people. */
function withDates(value: Record<string, unknown>): Record<string, unknown> {
  const shown = Object.entries(value).map(([name, field]): [string, unknown] => {
    if (name.endsWith('_at') && typeof field === 'number') return [name, new Date(field * 1000).toISOString()];
    if (name === 'data' && Array.isArray(field))
      return [name, field.map((row) => withDates(row as Record<string, unknown>))];
    return [name, field];
  });
  return Object.fromEntries(shown);
}

/** The local cloud's Lambda endpoint, when one is running here. */
function localLambdaUrl(): string | undefined {
  const file = '.tenon/local.json';
  if (!existsSync(file)) return undefined;
  const { lambda_url: url, pid } = JSON.parse(readFileSync(file, 'utf8')) as { lambda_url: string; pid: number };
  try {
    process.kill(pid, 0);
    return url;
  } catch {
    return undefined;
  }
}

/** The SDK says what it lacks, not what to do about it. */
function explain(message: string): string {
  const isUnset = /region is missing|could not load credentials/i.test(message);
  return isUnset
    ? `${message}: start a local cloud with npm start, or set AWS_PROFILE or AWS_REGION and credentials for your account`
    : message;
}
