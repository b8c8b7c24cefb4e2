/** The context object of an invocation. Source: AWS Lambda developer guide, "Using the Lambda context object (Node.js)". */
import type { IncomingHttpHeaders } from 'node:http';

export interface InvocationContext {
  callbackWaitsForEmptyEventLoop: boolean;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly memoryLimitInMB: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
  readonly awsRequestId: string;
  readonly invokedFunctionArn: string;
  readonly tenantId?: string;
  readonly clientContext?: unknown;
  readonly identity?: unknown;
  getRemainingTimeInMillis(): number;
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Builds the context from the headers of `/invocation/next` and the environment of the function. */
export function buildContext(headers: IncomingHttpHeaders, env: NodeJS.ProcessEnv): InvocationContext {
  const deadlineMs = Number(header(headers, 'lambda-runtime-deadline-ms') ?? '0');
  const tenantId = header(headers, 'lambda-runtime-aws-tenant-id');
  const client = header(headers, 'lambda-runtime-client-context');
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME ?? '',
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION ?? '',
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? '',
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME ?? '',
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME ?? '',
    awsRequestId: header(headers, 'lambda-runtime-aws-request-id') ?? '',
    invokedFunctionArn: header(headers, 'lambda-runtime-invoked-function-arn') ?? '',
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(client === undefined ? {} : { clientContext: JSON.parse(client) as unknown }),
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
  };
}
