/** Options that the commands share: which assembly, which values for variables and parameters, where logs go. */
import { appendFileSync, existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Option } from 'commander';
import type { Command } from 'commander';
import type { LocalCloudOptions } from '../index.ts';
import type { FunctionTarget } from '../lambda/functions.ts';
import type { LogListener } from '../lambda/logs.ts';
import { isObject, parseJson } from '../template/json.ts';
import type { JsonObject } from '../template/json.ts';

/** An error of the user's making: printed as `Error: ...`, exit code 1. */
export class UserError extends Error {}

export interface CommonOptions {
  readonly template: string;
  readonly envVars?: string;
  readonly parameterOverrides?: readonly string[];
  readonly logFile?: string;
  readonly region?: string;
  readonly profile?: string;
  readonly dataDir?: string;
}

/** Adds the options that every command running functions has. */
export function addCommonOptions(command: Command): Command {
  return command
    .option('-t, --template <path>', 'cloud assembly (the output of cdk synth) or one template file', 'cdk.out')
    .option(
      '-n, --env-vars <file>',
      'JSON file with values for environment variables: {"Function": {"NAME": "value"}} or {"Parameters": {...}}',
    )
    .option(
      '--parameter-overrides <values...>',
      'template parameters: Name=value, or ParameterKey=Name,ParameterValue=value',
    )
    .option('-l, --log-file <file>', "file for the functions' logs, in place of stderr")
    .option('--region <region>', 'AWS region of the local cloud (default: AWS_REGION, else us-east-1)')
    .addOption(new Option('--profile <name>', 'taken for compatibility; the local cloud issues its own credentials'))
    .option(
      '--data-dir <dir>',
      'where tables, buckets and executions are kept (default: .local-cloud beside the manifest)',
    );
}

function readEnvVars(file: string): JsonObject {
  if (!existsSync(file))
    throw new UserError(`Could not read environment variables overrides from file ${file}: no such file`);
  const values = parseJson(readFileSync(file, 'utf8'), file);
  if (!isObject(values) || !Object.values(values).every(isObject)) {
    throw new UserError(
      `Could not read environment variables overrides from file ${file}: expected {"Function": {"NAME": "value"}}`,
    );
  }
  return values;
}

/** File before shell before template; only variables that the template declares. */
function overridesFrom(file: JsonObject): (target: FunctionTarget) => Record<string, string> {
  return ({ fn }) => {
    const constructId = fn.constructPath?.split('/').at(-1);
    const names = [
      fn.logicalId,
      fn.functionName,
      fn.constructPath,
      constructId,
      fn.logicalId.replace(/[0-9A-F]{8}$/, ''),
    ];
    const own = names.map((name) => (name === undefined ? undefined : file[name])).find(isObject);
    const shared = isObject(file.Parameters) ? file.Parameters : {};
    const overrides: Record<string, string> = {};
    for (const name of Object.keys(fn.environment)) {
      const value = own?.[name] ?? shared[name] ?? process.env[name];
      if (value !== undefined) overrides[name] = typeof value === 'object' ? JSON.stringify(value) : String(value);
    }
    return overrides;
  };
}

function readParameters(values: readonly string[]): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const value of values.flatMap((one) => one.split(/\s+(?=\S+=)/))) {
    const [, key, text] =
      /^ParameterKey=([^,]+),ParameterValue=(.*)$/s.exec(value) ?? /^([^=]+)=(.*)$/s.exec(value) ?? [];
    if (key === undefined || text === undefined)
      throw new UserError(`--parameter-overrides: expected Name=value, got ${value}`);
    parameters[key] = text;
  }
  return parameters;
}

/** Where log lines go: the file where one is given, else stderr. */
export function logListener(options: CommonOptions): LogListener {
  const { logFile } = options;
  return ({ line }) => {
    if (logFile === undefined) process.stderr.write(`${line}\n`);
    else appendFileSync(logFile, `${line}\n`);
  };
}

/** The part of `startLocalCloud`'s options that the command line gives. */
export function cloudOptions(options: CommonOptions): LocalCloudOptions {
  const assemblyDir = resolve(options.template);
  if (!existsSync(assemblyDir))
    throw new UserError(`Template file not found at ${assemblyDir}: run cdk synth first, or name it with --template`);
  if (options.region !== undefined) process.env.AWS_REGION = options.region;
  const directory = statSync(assemblyDir).isDirectory() ? assemblyDir : dirname(assemblyDir);
  return {
    assemblyDir,
    dataDir: resolve(options.dataDir ?? join(directory, '.local-cloud')),
    parameters: readParameters(options.parameterOverrides ?? []),
    environmentOverrides: overridesFrom(options.envVars === undefined ? {} : readEnvVars(options.envVars)),
    onLog: logListener(options),
    onFault: (message) => process.stderr.write(`${message}\n`),
  };
}
