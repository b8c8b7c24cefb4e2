/** tenon usage, limits, audit, webhook-secret, erase: what was used, what may be, what was changed, and the end of it all. */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { ApiClient } from '../client.ts';
import { OutcomeError } from '../errors.ts';
import { bytes, number, table, time } from '../render/table.ts';
import { numeric, sessionOf } from '../session.ts';
import { answer, remark } from '../terminal.ts';

interface UsageRow {
  readonly start: number;
  readonly model?: string;
  readonly key?: string;
  readonly requests: number;
  readonly predictions: number;
  readonly training_gb_seconds: number;
  readonly stored_gb_hours: number;
  readonly usd: number;
}

interface Limit {
  readonly name: string;
  readonly used: number;
  readonly limit: number;
  readonly resets_at: number | null;
}

interface AuditEntry {
  readonly id: string;
  readonly created_at: number;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly outcome: string;
}

interface WebhookSecret {
  readonly secret: string;
}

interface Erasure {
  readonly status: 'running' | 'done';
  readonly destroyed: Readonly<Record<string, readonly string[] | number>>;
}

export function addAccount(program: Command): void {
  program
    .command('usage')
    .description('what was used and what it costs')
    .option('--from <day>', 'YYYY-MM-DD; the first of the month unless said')
    .option('--to <day>', 'YYYY-MM-DD; today unless said')
    .addOption(new Option('--group-by <what>', 'one row for each').choices(['day', 'model', 'key']).default('day'))
    .action(async ({ groupBy, ...days }: { from?: string; to?: string; groupBy: string }, command: Command) => {
      const { api, output } = sessionOf(command);
      const page = await api.call<{ data: UsageRow[] }>('getUsage', { query: { ...days, group_by: groupBy } });
      answer(page, output, () => usageLines(page.data, groupBy));
    });
  program
    .command('limits')
    .description('the limits of the plan, what is used of them, and when they reset')
    .action(async (_options: object, command: Command) => {
      const { api, output } = sessionOf(command);
      const page = await api.call<{ data: Limit[] }>('getLimits');
      const rows = page.data.map((row) => [
        row.name,
        amount(row, row.used),
        amount(row, row.limit),
        time(row.resets_at ?? undefined),
      ]);
      answer(page, output, () => table(['LIMIT', 'USED', 'OF', 'RESETS'], rows));
    });
  addData(program);
}

interface Verification {
  readonly valid: boolean;
  readonly entries: number;
  readonly head: { readonly id: string; readonly hash: string } | null;
  readonly has_more: boolean;
  readonly broken_at: string | null;
}

/** The whole chain, call by call. */
async function verified(api: ApiClient): Promise<Verification> {
  let chain = await api.call<Verification>('verifyAudit');
  while (chain.has_more && chain.head !== null) {
    const query = { after: chain.head.id, hash: chain.head.hash };
    const more = await api.call<Verification>('verifyAudit', { query });
    chain = { ...more, entries: chain.entries + more.entries };
  }
  return chain;
}

function addData(program: Command): void {
  program
    .command('audit')
    .description('every change, oldest first')
    .option('--limit <n>', 'how many', numeric, 100)
    .option('--verify', 'whether the chain is whole')
    .action(async ({ limit, verify }: { limit: number; verify?: boolean }, command: Command) => {
      const { api, output } = sessionOf(command);
      if (verify === true) {
        const chain = await verified(api);
        answer(chain, output, () => [
          chain.valid ? `whole: ${chain.entries} entries` : `broken at ${chain.broken_at ?? '?'}`,
        ]);
        if (!chain.valid) throw new OutcomeError('the audit log is not whole');
        return;
      }
      const page = await api.list<AuditEntry>('getAudit', limit);
      const rows = page.data.map((row) => [time(row.created_at), row.actor, row.action, row.target, row.outcome]);
      answer(page, output, () => table(['TIME', 'ACTOR', 'ACTION', 'TARGET', 'OUTCOME'], rows));
    });
  program
    .command('webhook-secret')
    .description('the secret that signs your webhooks, whsec_...')
    .option('--rotate', 'a new one; for a day webhooks carry a signature of the old one too')
    .action(async ({ rotate }: { rotate?: boolean }, command: Command) => {
      const { api, output } = sessionOf(command);
      const secret =
        rotate === true
          ? await api.call<WebhookSecret>('rotateWebhookSecret', { body: {} })
          : await api.call<WebhookSecret>('getWebhookSecret');
      answer(secret, output, () => [secret.secret]);
    });
  program
    .command('erase')
    .description('erase everything the tenant stored; not to be undone')
    .requiredOption('--confirm <tenant>', 'the id of your tenant')
    .action(async ({ confirm }: { confirm: string }, command: Command) => {
      const { api, output } = sessionOf(command);
      const erase = (): Promise<Erasure> => api.call<Erasure>('eraseData', { body: { confirm } });
      const receipt = await api.until(erase, ({ status }) => {
        if (status === 'running' && !output.isJson) remark('there is more to erase ...');
        return status === 'done';
      });
      const rows = Object.entries(receipt.destroyed).map(([what, n]) => [what, typeof n === 'number' ? n : n.length]);
      answer(receipt, output, () => table(['ERASED', 'HOW MANY'], rows));
    });
}

function usageLines(rows: readonly UsageRow[], groupBy: string): string[] {
  const of = (row: UsageRow): string | undefined =>
    groupBy === 'model' ? row.model : groupBy === 'key' ? row.key : time(row.start).slice(0, 10);
  const cells = rows.map((row) => [
    of(row) ?? '-',
    row.requests,
    row.predictions,
    row.training_gb_seconds,
    row.stored_gb_hours,
    row.usd,
  ]);
  const total = rows.reduce((sum, { usd }) => sum + usd, 0);
  return [
    ...table([groupBy.toUpperCase(), 'REQUESTS', 'PREDICTIONS', 'TRAINING GB-S', 'STORED GB-H', 'USD'], cells),
    `total $${number(total)}`,
  ];
}

function amount({ name }: Limit, value: number): string {
  return name.endsWith('bytes') ? bytes(value) : number(value);
}
