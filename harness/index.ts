/**
 * The local cloud: everything that a cloud assembly describes, on this machine. Wires the parts and owns their order of
 * starting and stopping; knows nothing of the app it runs.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startRestApi } from './apigateway/server.ts';
import { startAwsCloud } from './aws/index.ts';
import type { AwsCloud, FaultOptions } from './aws/index.ts';
import { awsPartsOf } from './aws-parts.ts';
import { DurableService } from './durable/engine.ts';
import { durableRoutes } from './durable/routes.ts';
import { Guardian } from './lambda/guardian.ts';
import type { FunctionCredentials } from './lambda/function-env.ts';
import type { FunctionTarget } from './lambda/functions.ts';
import { invokeRoutes } from './lambda/invoke-routes.ts';
import { LogSink } from './lambda/logs.ts';
import type { LogListener } from './lambda/logs.ts';
import { bundleScripts } from './lambda/node-runtime.ts';
import { lambdaAwsService, startLambdaServer } from './lambda/rest.ts';
import type { RestRoute } from './lambda/rest.ts';
import type { HttpListener } from './listen.ts';
import { LambdaService } from './lambda/service.ts';
import type { InvokeRequest, InvokeResponse } from './lambda/service.ts';
import { acquireLock } from './lock.ts';
import { readCloud } from './template/index.ts';
import type { CloudModel, RestApiModel } from './template/index.ts';

export interface LocalCloudOptions {
  /** A `cdk.out` folder or one template file. */
  readonly assemblyDir: string;
  /** Tables, buckets, queued events, executions and logs live here and outlive a kill. */
  readonly dataDir: string;
  /** 0 or nothing takes a free port. */
  readonly apiPort?: number;
  readonly lambdaPort?: number;
  readonly awsPort?: number;
  readonly host?: string;
  /** Write the functions' log lines to stderr. */
  readonly log?: boolean;
  readonly onLog?: LogListener;
  /** Why API Gateway answered 5xx; default: a line on stderr where `log` is set. */
  readonly onFault?: (message: string) => void;
  readonly isAuthorizerDisabled?: boolean;
  /** Serves the API over HTTPS. */
  readonly apiTls?: { readonly cert: Buffer; readonly key: Buffer };
  /** Folder of files served beside the API, where it exists. */
  readonly staticDir?: string;
  /** Starts a process of every function at once; not of those isolated per tenant. */
  readonly isWarm?: boolean;
  /** Functions wait for a debugger on this port, and do not time out. */
  readonly debugPort?: number;
  readonly parameters?: Readonly<Record<string, string>>;
  /** Values for declared variables of a function. */
  readonly environmentOverrides?: (target: FunctionTarget) => Readonly<Record<string, string>>;
  /** Processes of functions at most. */
  readonly maxEnvironments?: number;
  /** Idle processes end after this, in ms. */
  readonly idleMs?: number;
  /** Delays before the retries of asynchronous invocations, in ms; AWS waits 1 and 2 minutes. */
  readonly asyncRetryDelaysMs?: readonly number[];
  /** First delay before a durable function that crashed is invoked again, in ms; it doubles up to a minute. */
  readonly crashRetryMs?: number;
  /** Calls to S3, DynamoDB and STS that fail on purpose, as they do on a bad day. */
  readonly faults?: FaultOptions;
}

export interface LocalCloud {
  /** The first REST API of the assembly; empty where there is none. */
  readonly apiUrl: string;
  /** Every REST API by logical id. */
  readonly apiUrls: Readonly<Record<string, string>>;
  readonly lambdaUrl: string;
  readonly awsUrl: string;
  readonly operatorCredentials: FunctionCredentials;
  /** Roles of the templates, and what was decided about them. */
  readonly roles: AwsCloud['roles'];
  readonly outputs: CloudModel['outputs'];
  readonly model: CloudModel;
  readonly pid: number;
  /** Invokes a function as the account's owner, and waits for durable ones as long as they take. */
  invoke(request: InvokeRequest): Promise<InvokeResponse>;
  stop(): Promise<void>;
}

interface Parts {
  readonly model: CloudModel;
  readonly lambda: LambdaService;
  readonly aws: AwsCloud;
  readonly lambdaServer: HttpListener;
  readonly apis: readonly { api: RestApiModel; listener: HttpListener }[];
}

/**
 * Starts everything the assembly describes and takes up what an earlier run left.
 * @throws if another local cloud runs on `dataDir`, a port is taken, or the assembly holds what the harness does not know.
 */
export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const dataDir = resolve(options.dataDir);
  const release = acquireLock(dataDir);
  const started: (() => Promise<void> | void)[] = [release];
  const stop = async () => {
    for (const end of started.splice(0).reverse()) await end();
  };
  try {
    const parts = await startParts({ ...options, dataDir }, started);
    return describe(parts, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

function writeToStderr(options: LocalCloudOptions): LogListener {
  return (entry) => {
    options.onLog?.(entry);
    if (options.log === true) process.stderr.write(`${entry.line}\n`);
  };
}

async function startParts(options: LocalCloudOptions, started: (() => Promise<void> | void)[]): Promise<Parts> {
  const { dataDir, host = '127.0.0.1' } = options;
  const model = readCloud(
    options.assemblyDir,
    options.parameters === undefined ? {} : { parameters: options.parameters },
  );
  mkdirSync(dataDir, { recursive: true });
  // What /tmp of functions held when an earlier harness was killed.
  rmSync(join(dataDir, 'tmp'), { recursive: true, force: true });
  const scripts = await bundleScripts(join(dataDir, 'runtime'));
  const guardian = new Guardian(scripts.guardian);
  started.push(() => guardian.close());
  const logs = new LogSink(join(dataDir, 'logs'), writeToStderr(options));
  // The functions' process start needs the endpoint, and the endpoint serves the functions.
  const late: { aws?: AwsCloud } = {};
  const lambda = new LambdaService({
    model,
    dataDir,
    runtimeClientPath: scripts.runtimeClient,
    guardian,
    region: model.region,
    accountId: model.accountId,
    awsEndpointUrl: () => late.aws?.url,
    issueCredentials: (roleArn, functionName) => late.aws!.issueRoleCredentials(roleArn, { sessionName: functionName }),
    logs,
    maxEnvironments: options.maxEnvironments ?? 32,
    idleMs: options.idleMs ?? 300_000,
    asyncRetryDelaysMs: options.asyncRetryDelaysMs ?? [1000, 2000],
    ...(options.debugPort === undefined ? {} : { debugPort: options.debugPort }),
    ...(options.environmentOverrides ? { environmentOverrides: options.environmentOverrides } : {}),
  });
  const durable = new DurableService({
    directory: join(dataDir, 'durable'),
    lambda,
    crashRetryMs: options.crashRetryMs ?? 1000,
    onLog: (functionName, line) => logs.write({ functionName, tenantId: undefined, line }),
  });
  lambda.durable = durable;
  const accountArn = `arn:${model.partition}:lambda:${model.region}:${model.accountId}`;
  const routes: readonly RestRoute[] = [
    ...invokeRoutes(lambda, accountArn),
    ...durableRoutes(durable, lambda, accountArn),
  ];
  const aws = await startAwsCloud({
    ...awsPartsOf(model),
    dataDir: join(dataDir, 'aws'),
    port: options.awsPort ?? 0,
    extraServices: [lambdaAwsService(routes)],
    ...(options.faults === undefined ? {} : { faults: options.faults }),
  });
  late.aws = aws;
  started.push(() => aws.stop());
  // Functions that have extensions write what is left to write when they end.
  started.push(() => lambda.close());
  started.push(() => durable.close());
  const lambdaServer = await startLambdaServer(routes, { host, port: options.lambdaPort ?? 0 });
  started.push(() => lambdaServer.stop());
  const apis = await startApis({ ...options, host }, model, lambda, started);
  lambda.resume();
  durable.resume();
  if (options.isWarm === true) await lambda.warm();
  return { model, lambda, aws, lambdaServer, apis };
}

async function startApis(
  options: LocalCloudOptions & { host: string },
  model: CloudModel,
  lambda: LambdaService,
  started: (() => Promise<void> | void)[],
): Promise<Parts['apis']> {
  const apis: { api: RestApiModel; listener: HttpListener }[] = [];
  for (const [index, api] of model.restApis.entries()) {
    const onFault =
      options.onFault ??
      (options.log === true ? (message: string) => void process.stderr.write(`api: ${message}\n`) : undefined);
    const listener = await startRestApi({
      model,
      api,
      lambda,
      host: options.host,
      port: options.apiPort === undefined || options.apiPort === 0 ? 0 : options.apiPort + index,
      isAuthorizerDisabled: options.isAuthorizerDisabled ?? false,
      ...(options.apiTls ? { tls: options.apiTls } : {}),
      ...(options.staticDir === undefined ? {} : { staticDir: options.staticDir }),
      ...(onFault ? { onFault } : {}),
    });
    started.push(() => listener.stop());
    apis.push({ api, listener });
  }
  return apis;
}

function describe({ model, lambda, aws, lambdaServer, apis }: Parts, stop: () => Promise<void>): LocalCloud {
  return {
    apiUrl: apis[0]?.listener.url ?? '',
    apiUrls: Object.fromEntries(apis.map(({ api, listener }) => [api.logicalId, listener.url])),
    lambdaUrl: lambdaServer.url,
    awsUrl: aws.url,
    operatorCredentials: aws.operatorCredentials(),
    roles: aws.roles,
    outputs: model.outputs,
    model,
    pid: process.pid,
    invoke: (request) => lambda.invokeChained(request),
    stop,
  };
}
