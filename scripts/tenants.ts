/**
 * npm run tenants -- <command>: tenants and keys, for operators. It invokes the admin function with your AWS credentials, or
 * in the local cloud while `npm start` runs (say --aws for your account all the same).
 */
import { existsSync, readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { ADMIN_FUNCTION, invokeAdmin } from './admin-client.ts';

interface Globals {
  json?: boolean;
  aws?: boolean;
  function: string;
}

const LIMITS = [
  'requests_per_second',
  'burst',
  'predictions_per_month',
  'training_seconds_per_month',
  'jobs_at_once',
  'stored_bytes',
  'models',
  'dataset_bytes',
];
const PRICES = [
  'training_gb_second_usd',
  'inference_gb_second_usd',
  'request_usd',
  'prediction_usd',
  'stored_gb_hour_usd',
];

const program = new Command('tenants')
  .description('Tenants and API keys of a Tenon deployment.')
  .option('--json', 'print one JSON object and nothing else')
  .option('--aws', 'use your AWS account even while a local cloud runs')
  .option('--function <name>', 'name of the admin function', ADMIN_FUNCTION);

program
  .command('create <tenant>')
  .description('make a tenant and its first key; the key is shown this once')
  .option('--name <name>', 'a name for people')
  .option('--plan <plan>', 'one of list-plans', 'free')
  .action((tenant: string, options: { name?: string; plan: string }) =>
    run({ command: 'create', tenant_id: tenant, ...options }),
  );
program
  .command('list')
  .description('all tenants')
  .action(() => run({ command: 'list' }));
for (const command of ['suspend', 'resume'] as const) {
  program
    .command(`${command} <tenant>`)
    .description(command === 'suspend' ? 'refuse its keys, within 60 s' : 'take its keys again')
    .action((tenant: string) => run({ command, tenant_id: tenant }));
}
program
  .command('delete <tenant>')
  .description('the tenant with everything it stored, its keys and its usage; not to be undone')
  .requiredOption('--confirm <tenant>', 'the id of the tenant, once more')
  .action((tenant: string, { confirm }: { confirm: string }) =>
    run({ command: 'delete', tenant_id: tenant, confirm }, ({ status }) => status === 'running'),
  );
program
  .command('usage <tenant>')
  .description('what it used and what that costs')
  .option('--from <day>', 'YYYY-MM-DD; the first of the month unless said')
  .option('--to <day>', 'YYYY-MM-DD; today unless said')
  .option('--group-by <what>', 'day, model or key', 'day')
  .action((tenant: string, { groupBy, ...days }: { from?: string; to?: string; groupBy: string }) =>
    run({ command: 'usage', tenant_id: tenant, ...days, group_by: groupBy }),
  );
program
  .command('set-plan <tenant> <plan>')
  .description('takes effect within 60 s')
  .action((tenant: string, plan: string) => run({ command: 'set-plan', tenant_id: tenant, plan }));
addKeyCommands(program);
addPlanCommands(program);

await program.parseAsync();

function addKeyCommands(to: Command): void {
  to.command('create-key <tenant>')
    .description('another key; it is shown this once')
    .option('--expires-in-days <days>', 'days until the key expires', numeric)
    .option(
      '--sigv4',
      'to sign requests with, as clients of SageMaker do: its secret is then stored, and not a hash alone',
    )
    .action((tenant: string, { expiresInDays, sigv4 }: { expiresInDays?: number; sigv4?: boolean }) =>
      run({
        command: 'create-key',
        tenant_id: tenant,
        ...(sigv4 === true ? { sigv4 } : {}),
        ...(expiresInDays === undefined ? {} : { expires_in_days: expiresInDays }),
      }),
    );
  to.command('list-keys <tenant>')
    .description('its keys, with expiry and the last day each was used on')
    .action((tenant: string) => run({ command: 'list-keys', tenant_id: tenant }));
  to.command('revoke-key <tenant> <key-id>')
    .description('takes effect within 60 s')
    .action((tenant: string, keyId: string) => run({ command: 'revoke-key', tenant_id: tenant, key_id: keyId }));
  to.command('rotate-key <tenant> <key-id>')
    .description('a new key, shown this once; the old one works on for the grace')
    .option('--grace-hours <hours>', 'hours that the old key still works', numeric, 24)
    .action((tenant: string, keyId: string, { graceHours }: { graceHours: number }) =>
      run({ command: 'rotate-key', tenant_id: tenant, key_id: keyId, grace_hours: graceHours }),
    );
}

function addPlanCommands(to: Command): void {
  to.command('list-plans')
    .description('plans with their limits, built-in and your own')
    .action(() => run({ command: 'list-plans' }));
  const put = to.command('put-plan <plan>').description('make or change a plan; say every limit');
  for (const limit of LIMITS) put.requiredOption(`--${limit.replaceAll('_', '-')} <n>`, 'a number', numeric);
  put.action((plan: string, options: Record<string, number>) =>
    run({ command: 'put-plan', plan, limits: named(LIMITS, options) }),
  );
  to.command('delete-plan <plan>')
    .description('a plan of your own that no tenant has')
    .action((plan: string) => run({ command: 'delete-plan', plan }));
  to.command('list-prices')
    .description('every price list there was; the last holds')
    .action(() => run({ command: 'list-prices' }));
  const prices = to.command('set-prices').description('the next price list, in USD, from now on');
  for (const price of PRICES) prices.requiredOption(`--${price.replaceAll('_', '-')} <usd>`, 'USD', numeric);
  prices.action((options: Record<string, number>) => run({ command: 'set-prices', prices: named(PRICES, options) }));
}

/** @throws {InvalidArgumentError} which commander answers with the option's name and what was given */
function numeric(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}

/** Commander's camelCase options under the API's names. */
function named(
  names: readonly string[],
  options: Readonly<Record<string, number>>,
): Record<string, number | undefined> {
  const camel = (name: string): string => name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(names.map((name) => [name, options[camel(name)]]));
}

/** @param isUnfinished whether the command has to be given again until it is through */
async function run(
  command: object,
  isUnfinished: (answer: Record<string, unknown>) => boolean = () => false,
): Promise<void> {
  const options = program.opts<Globals>();
  const local = options.aws === true ? undefined : localLambdaUrl();
  if (local !== undefined && options.json !== true)
    console.error(pc.dim(`in the local cloud at ${local} (--aws for your account)`));
  try {
    let answer = await invokeAdmin(command, local, options.function);
    while (isUnfinished(answer)) answer = await invokeAdmin(command, local, options.function);
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
  for (const [name, value] of Object.entries(answer))
    console.log(`${name.padEnd(width)}  ${typeof value === 'string' ? value : JSON.stringify(value)}`);
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
