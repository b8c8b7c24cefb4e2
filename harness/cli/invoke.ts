/** `local invoke`: one function, once; its answer on stdout, everything else on stderr. Mirrors aws-sam-cli. */
import { existsSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { startLocalCloud } from '../index.ts';
import type { LocalCloud } from '../index.ts';
import { FunctionCatalog } from '../lambda/functions.ts';
import type { FunctionModel } from '../template/index.ts';
import { parseJson } from '../template/json.ts';
import { UserError, addCommonOptions, cloudOptions } from './options.ts';
import type { CommonOptions } from './options.ts';

interface InvokeOptions extends CommonOptions {
  readonly event?: string;
  readonly tenantId?: string;
  readonly durableExecutionName?: string;
  readonly debugPort?: string;
}

async function readEvent(source: string | undefined): Promise<Buffer> {
  if (source === undefined) return Buffer.from('{}');
  if (source !== '-' && !existsSync(source)) throw new UserError(`Could not open file: ${source}: no such file`);
  const event = source === '-' ? await text(process.stdin) : readFileSync(source, 'utf8');
  try {
    parseJson(event, source === '-' ? 'stdin' : source);
  } catch (error) {
    throw new UserError(`Invalid event: ${(error as Error).message}`);
  }
  return Buffer.from(event);
}

/** The function that the user named, or the only one there is. */
export function chooseFunction(functions: readonly FunctionModel[], name: string | undefined): FunctionModel {
  const [only] = functions;
  if (name === undefined) {
    if (only && functions.length === 1) return only;
    const ids = functions.map((fn) => `'${fn.logicalId}'`).join(', ');
    throw new UserError(
      `You must provide a function logical ID when there are more than one functions in your template. Possible options in your template: [${ids}]`,
    );
  }
  const found = new FunctionCatalog(functions).find(name);
  if (!found) throw new UserError(`Function ${name} not found in template`);
  return found;
}

async function run(cloud: LocalCloud, fn: FunctionModel, payload: Buffer, options: InvokeOptions): Promise<void> {
  process.stderr.write(`Invoking ${fn.handler} (${fn.runtime})\n`);
  const result = await cloud.invoke({
    functionName: fn.functionName,
    // A durable function runs under a version, an alias or $LATEST only.
    qualifier: fn.durable ? '$LATEST' : undefined,
    payload,
    tenantId: options.tenantId,
    durableExecutionName: options.durableExecutionName,
  });
  if (result.durableExecutionArn !== undefined)
    process.stderr.write(`Durable execution: ${result.durableExecutionArn}\n`);
  const answer = result.payload.toString('utf8');
  if (result.functionError !== undefined && answer.includes('"Sandbox.Timedout"')) {
    process.stderr.write(`Function '${fn.logicalId}' timed out after ${fn.timeoutS} seconds\n`);
    return;
  }
  process.stdout.write(`${answer}\n`);
}

/** Adds `invoke` to the `local` command. */
export function addInvoke(local: Command): void {
  addCommonOptions(local.command('invoke'))
    .description('run a function once, with an event, and print its answer')
    .argument('[function]', 'logical id, construct id, path or name of the function')
    .option('-e, --event <file>', 'JSON file with the event, or - for stdin (default: {})')
    .option('--tenant-id <id>', 'tenant, for a function that is isolated per tenant')
    .option('--durable-execution-name <name>', 'name of the durable execution: the same name is the same execution')
    .option('-d, --debug-port <port>', 'wait for a debugger on this port; the function does not time out')
    .action(async (name: string | undefined, options: InvokeOptions) => {
      const payload = await readEvent(options.event);
      const debugPort = options.debugPort === undefined ? undefined : Number(options.debugPort);
      const cloud = await startLocalCloud({
        ...cloudOptions(options),
        ...(debugPort === undefined ? {} : { debugPort }),
      });
      const stop = () => void cloud.stop().then(() => process.exit(130));
      process.once('SIGINT', stop).once('SIGTERM', stop);
      try {
        await run(cloud, chooseFunction(cloud.model.functions, name), payload, options);
      } finally {
        await cloud.stop();
      }
    });
}
