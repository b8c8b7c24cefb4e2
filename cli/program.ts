/** The commands, put together; completion is made from this tree too. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addAccount } from './commands/account.ts';
import { addBatches } from './commands/batches.ts';
import { addCompletion } from './commands/completion.ts';
import { addDatasets } from './commands/datasets.ts';
import { addExplain } from './commands/explain.ts';
import { addJobs } from './commands/jobs.ts';
import { addLogin } from './commands/login.ts';
import { addModels } from './commands/models.ts';
import { addPredict } from './commands/predict.ts';
import { addTrain } from './commands/train.ts';

export function programOf(): Command {
  const program = new Command('tenon')
    .description('Train, serve and understand models on a Tenon service.')
    .version(versionOf(), '-V', 'print the version of tenon; also --version')
    .option('--json', 'print JSON and nothing else')
    .showHelpAfterError('(--help says more)');
  addLogin(program);
  addDatasets(program);
  addTrain(program);
  addJobs(program);
  addModels(program);
  addPredict(program);
  addBatches(program);
  addExplain(program);
  addAccount(program);
  addCompletion(program);
  throwOnExit(program);
  return program;
}

/** Commander's settings go to commands made later only: every command throws instead of exiting. */
function throwOnExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwOnExit(child);
}

function versionOf(): string {
  const file = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}
