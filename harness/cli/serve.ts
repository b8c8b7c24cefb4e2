/** `local start-api` and `local start-lambda`: the local cloud until Ctrl-C. Mirrors aws-sam-cli. */
import { existsSync, readFileSync } from 'node:fs';
import { Option } from 'commander';
import type { Command } from 'commander';
import { startLocalCloud } from '../index.ts';
import type { LocalCloud, LocalCloudOptions } from '../index.ts';
import { functionNameOf } from '../template/functions.ts';
import type { RestApiModel } from '../template/index.ts';
import { UserError, addCommonOptions, cloudOptions } from './options.ts';
import type { CommonOptions } from './options.ts';

interface ServeOptions extends CommonOptions {
  readonly host: string;
  readonly port: string;
  readonly warmContainers: 'EAGER' | 'LAZY';
}

interface ApiOptions extends ServeOptions {
  readonly staticDir: string;
  readonly disableAuthorizer?: boolean;
  readonly sslCertFile?: string;
  readonly sslKeyFile?: string;
}

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new UserError(`--port: expected 0 to 65535, got ${text}`);
  return port;
}

function readFile(path: string): Buffer {
  if (!existsSync(path)) throw new UserError(`Could not open file: ${path}: no such file`);
  return readFileSync(path);
}

function tlsOf({ sslCertFile, sslKeyFile }: ApiOptions): Pick<LocalCloudOptions, 'apiTls'> {
  if (sslCertFile === undefined && sslKeyFile === undefined) return {};
  if (sslCertFile === undefined || sslKeyFile === undefined)
    throw new UserError('--ssl-cert-file and --ssl-key-file go together');
  return { apiTls: { cert: readFile(sslCertFile), key: readFile(sslKeyFile) } };
}

/** One line per resource and function: `Mounting Echo at http://127.0.0.1:3000/items [GET, POST]`. */
function mountLines(api: RestApiModel, url: string, logicalIdOf: (functionArn: string) => string): readonly string[] {
  const mounts = new Map<string, string[]>();
  for (const { integration, resourcePath, httpMethod } of api.methods) {
    const target = integration.type === 'MOCK' ? 'MOCK' : logicalIdOf(integration.functionArn);
    const key = `Mounting ${target} at ${url}${resourcePath}`;
    const verbs = httpMethod === 'ANY' ? ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'] : [httpMethod];
    mounts.set(key, [...(mounts.get(key) ?? []), ...verbs]);
  }
  return [...mounts].map(([key, verbs]) => `${key} [${verbs.sort().join(', ')}]`);
}

/** Keeps the process up until it is told to end. */
async function untilStopped(cloud: LocalCloud): Promise<void> {
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve).once('SIGTERM', resolve);
  });
  await cloud.stop();
}

const say = (line: string) => process.stderr.write(`${line}\n`);

async function startApi(options: ApiOptions): Promise<void> {
  const cloud = await startLocalCloud({
    ...cloudOptions(options),
    ...tlsOf(options),
    host: options.host,
    apiPort: portOf(options.port),
    staticDir: options.staticDir,
    isAuthorizerDisabled: options.disableAuthorizer === true,
    isWarm: options.warmContainers === 'EAGER',
  });
  if (cloud.model.restApis.length === 0) {
    await cloud.stop();
    throw new UserError('Template does not have any APIs connected to Lambda functions');
  }
  const logicalIdOf = (arn: string) =>
    cloud.model.functions.find((fn) => fn.functionName === functionNameOf(arn))?.logicalId ?? arn;
  for (const api of cloud.model.restApis)
    for (const line of mountLines(api, cloud.apiUrls[api.logicalId] ?? '', logicalIdOf)) say(line);
  say('You can now browse to the above endpoints to invoke your functions. Changes to the assembly need a restart.');
  say(`Running on ${cloud.apiUrl} (Press CTRL+C to quit)`);
  await untilStopped(cloud);
}

async function startLambda(options: ServeOptions): Promise<void> {
  const cloud = await startLocalCloud({
    ...cloudOptions(options),
    host: options.host,
    lambdaPort: portOf(options.port),
    isWarm: options.warmContainers === 'EAGER',
  });
  say(
    'Starting the Local Lambda Service. You can now invoke your Lambda Functions defined in your template through the endpoint.',
  );
  say(`Running on ${cloud.lambdaUrl} (Press CTRL+C to quit)`);
  await untilStopped(cloud);
}

const warmContainers = () =>
  new Option('--warm-containers <mode>', 'EAGER starts a process of every function at once, LAZY when it is called')
    .choices(['EAGER', 'LAZY'])
    .default('LAZY');

/** Adds `start-api` and `start-lambda` to the `local` command. */
export function addServe(local: Command): void {
  addCommonOptions(local.command('start-api'))
    .description('serve the REST API of the template on a local port')
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('-p, --port <port>', 'port to listen on', '3000')
    .option('-s, --static-dir <dir>', 'folder of files that are served beside the API', 'public')
    .option('--disable-authorizer', 'let every request pass the authorizers')
    .option('--ssl-cert-file <file>', 'certificate, to serve HTTPS')
    .option('--ssl-key-file <file>', 'key of the certificate')
    .addOption(warmContainers())
    .action(startApi);
  addCommonOptions(local.command('start-lambda'))
    .description('serve the Invoke API of Lambda on a local port, for SDKs and the AWS CLI (--endpoint-url)')
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('-p, --port <port>', 'port to listen on', '3001')
    .addOption(warmContainers())
    .action(startLambda);
}
