/**
 * The environment variables of a function's process: those that Lambda always sets, then the ones the template declares.
 * Nothing of the harness's own environment leaks in. Source: AWS Lambda developer guide, "Defined runtime environment
 * variables"; aws-sam-cli for the local ones.
 */
import type { FunctionModel } from '../template/index.ts';

export interface FunctionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface EnvironmentOptions {
  readonly fn: FunctionModel;
  readonly version: string;
  readonly codeDir: string;
  readonly region: string;
  readonly accountId: string;
  readonly logStreamName: string;
  readonly credentials: FunctionCredentials;
  /** Where the AWS SDK inside the function finds the emulated services. */
  readonly awsEndpointUrl: string | undefined;
  /** Values that replace declared variables, as an env-vars file does; others are left out. */
  readonly overrides: Readonly<Record<string, string>>;
  readonly temporaryDirectory: string;
}

/** The whole environment of one execution environment's process. */
export function buildEnvironment(options: EnvironmentOptions): Record<string, string> {
  const { fn, region, credentials } = options;
  const declared = Object.fromEntries(
    Object.entries(fn.environment).map(([name, value]) => [name, options.overrides[name] ?? value]),
  );
  return {
    PATH: process.env.PATH ?? '',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    ...(process.env.SystemRoot === undefined ? {} : { SystemRoot: process.env.SystemRoot }),
    HOME: options.temporaryDirectory,
    TMPDIR: options.temporaryDirectory,
    AWS_SAM_LOCAL: 'true',
    AWS_LAMBDA_FUNCTION_NAME: fn.functionName,
    AWS_LAMBDA_FUNCTION_VERSION: options.version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMb),
    AWS_LAMBDA_FUNCTION_TIMEOUT: String(fn.timeoutS),
    AWS_LAMBDA_FUNCTION_HANDLER: fn.handler,
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: fn.logGroupName,
    AWS_LAMBDA_LOG_STREAM_NAME: options.logStreamName,
    AWS_LAMBDA_LOG_FORMAT: fn.logFormat,
    ...(fn.logLevel === undefined ? {} : { AWS_LAMBDA_LOG_LEVEL: fn.logLevel }),
    AWS_EXECUTION_ENV: `AWS_Lambda_${fn.runtime}`,
    AWS_ACCOUNT_ID: options.accountId,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    ...(credentials.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: credentials.sessionToken }),
    ...(options.awsEndpointUrl === undefined ? {} : { AWS_ENDPOINT_URL: options.awsEndpointUrl }),
    LAMBDA_TASK_ROOT: options.codeDir,
    _HANDLER: fn.handler,
    ...declared,
  };
}
