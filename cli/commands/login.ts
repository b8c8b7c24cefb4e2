/** tenon login, logout, whoami. A key in an argument would stand in the list of processes: it is asked for, or read from stdin. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import type { Command } from 'commander';
import { ApiClient } from '../client.ts';
import { checkUrl, configFile, findCredentials, forgetCredentials, saveCredentials } from '../config.ts';
import { UsageError } from '../errors.ts';
import { fields } from '../render/table.ts';
import { outputOf } from '../session.ts';
import { answer } from '../terminal.ts';

export function addLogin(program: Command): void {
  program
    .command('login [url]')
    .description('save the URL and the key of a service, after a look whether they work')
    .option('--key <key>', 'the key; without it it is asked for, or read from stdin')
    .action(async (given: string | undefined, options: { key?: string }, command: Command) => {
      const url = checkUrl(given ?? process.env['TENON_URL'] ?? (await ask('URL: ', false)));
      const key = options.key ?? process.env['TENON_API_KEY'] ?? (await ask('API key: ', true));
      await new ApiClient(url, key).call('getLimits');
      saveCredentials({ url, key });
      answer({ url, config: configFile() }, outputOf(command), () => [`logged in to ${url}; saved in ${configFile()}`]);
    });
  program
    .command('logout')
    .description('forget the saved key')
    .action((_options: object, command: Command) => {
      const wasThere = forgetCredentials();
      answer({ forgotten: wasThere }, outputOf(command), () => [wasThere ? 'logged out' : 'nobody was logged in']);
    });
  program
    .command('whoami')
    .description('which service and which key are used, and where they come from')
    .action((_options: object, command: Command) => {
      const { url, key, source } = findCredentials();
      const shown = { url, key: `${key.slice(0, 13)}...`, source };
      answer(shown, outputOf(command), () => fields(shown));
    });
}

/** On a terminal a question; else what stdin holds. @throws {UsageError} for nothing */
async function ask(question: string, isSecret: boolean): Promise<string> {
  const said = process.stdin.isTTY ? await prompt(question, isSecret) : await textOf(process.stdin);
  if (said.trim() === '') throw new UsageError(`${question.replace(': ', '')} is missing`);
  return said.trim();
}

async function prompt(question: string, isSecret: boolean): Promise<string> {
  process.stderr.write(question);
  const echo = isSecret ? new Writable({ write: (_chunk, _encoding, done) => done() }) : process.stderr;
  const lines = createInterface({ input: process.stdin, output: echo, terminal: true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    if (isSecret) process.stderr.write('\n');
  }
}
