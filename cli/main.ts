/** `npx tenon`: the command line of tenants. Commands in cli/commands/, exit codes in errors.ts, all of it in docs/cli.md. */
import { CommanderError } from 'commander';
import pc from 'picocolors';
import { EXIT, exitCodeOf, jsonOf, linesOf } from './errors.ts';
import { programOf } from './program.ts';
import { outputOf } from './session.ts';
import { print } from './terminal.ts';

const program = programOf();
// Commands have a --version of their own, of a model: tenon's is the one in the first place.
if (process.argv[2] === '--version') process.argv[2] = '-V';
process.once('SIGINT', () => process.exit(EXIT.interrupted));
// `tenon ... | head` closes the pipe early: nobody reads on.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
  // Commander has said what is wrong already.
  if (!(error instanceof CommanderError)) {
    if (outputOf(program).isJson) print(JSON.stringify({ error: jsonOf(error) }));
    else for (const line of linesOf(error)) process.stderr.write(`${pc.red(line)}\n`);
  }
}
