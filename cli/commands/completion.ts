/** tenon completion bash|zsh|fish: a script for the shell, made of the commands as they are. */
import { Argument } from 'commander';
import type { Command } from 'commander';
import { SHELLS, completionScript } from '../completion.ts';
import type { Shell } from '../completion.ts';
import { print } from '../terminal.ts';

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print a completion script: eval "$(npx tenon completion bash)"')
    .addArgument(new Argument('<shell>', 'of which shell').choices(SHELLS))
    .action((shell: Shell) => print(completionScript(program, shell).trimEnd()));
}
