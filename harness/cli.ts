/**
 * The command line of the local cloud, in the words of `sam local`:
 * `npx tsx harness/cli.ts local invoke|start-api|start-lambda|generate-event|execution|callback`.
 * Exit codes: 0 done (also where the function failed), 1 an error of the user's, 2 wrong usage.
 */
import { Command, CommanderError } from 'commander';
import { AwsError } from './aws/service.ts';
import { addGenerateEvent } from './cli/generate-event.ts';
import { addInvoke } from './cli/invoke.ts';
import { UserError } from './cli/options.ts';
import { addServe } from './cli/serve.ts';
import { addExecutions } from './cli/executions.ts';

const program = new Command('harness').description(
  'A local cloud for synthesized CDK apps, with the commands of sam local.',
);
const local = program.command('local').description('run functions and APIs of the template on this machine');
addInvoke(local);
addServe(local);
addGenerateEvent(local);
addExecutions(local);

/** Commander's settings go to commands made later only: every command throws instead of exiting. */
function throwOnExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwOnExit(child);
}
throwOnExit(program);

try {
  await program.parseAsync();
  process.exitCode = 0;
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    // A template that cannot be run, a port that is taken: the message says it all. Anything else shows its stack.
    const isExpected =
      error instanceof UserError ||
      error instanceof AwsError ||
      (error instanceof Error && error.constructor === Error) ||
      error instanceof TypeError;
    process.stderr.write(`Error: ${isExpected ? error.message : String((error as Error).stack)}\n`);
    process.exitCode = 1;
  }
}
