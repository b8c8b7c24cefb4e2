/** Invoke as a route of the Lambda API. Source: AWS Lambda API reference, Invoke. */
import { AwsError } from '../aws/service.ts';
import type { RestAnswer, RestCall, RestRoute } from './rest.ts';
import type { InvocationType, LambdaService } from './service.ts';

const TYPES: readonly InvocationType[] = ['RequestResponse', 'Event', 'DryRun'];
/** The only query parameter that Invoke has. */
const QUALIFIER = 'Qualifier';

function invocationType(call: RestCall): InvocationType {
  const given = call.header('x-amz-invocation-type') ?? 'RequestResponse';
  const type = TYPES.find((name) => name === given);
  if (!type)
    throw new AwsError(
      501,
      'NotImplemented',
      `invocation-type: ${given} is not supported. ${TYPES.join(', ')} are supported.`,
    );
  return type;
}

function checkQuery(query: URLSearchParams): void {
  for (const name of query.keys()) {
    if (name !== QUALIFIER)
      throw new AwsError(
        400,
        'InvalidRequestContentException',
        `Query parameter ${name} is not supported (only ${QUALIFIER} is)`,
      );
  }
}

/** The ARN that policies name: as called, also for a function that does not exist. */
export function functionArnFor(
  lambda: LambdaService,
  accountArn: string,
  nameOrArn: string,
  qualifier: string | undefined,
): string {
  try {
    return lambda.catalog.resolve(nameOrArn, qualifier).invokedArn;
  } catch {
    return nameOrArn.startsWith('arn:')
      ? nameOrArn
      : `${accountArn}:function:${nameOrArn}${qualifier === undefined ? '' : `:${qualifier}`}`;
  }
}

/** `accountArn` is `arn:aws:lambda:<region>:<account>`. */
export function invokeRoutes(lambda: LambdaService, accountArn: string): readonly RestRoute[] {
  return [
    {
      method: 'POST',
      pattern: /^\/2015-03-31\/functions\/([^/]+)\/invocations$/,
      permissions: (call) => [
        {
          action: 'lambda:InvokeFunction',
          resource: functionArnFor(lambda, accountArn, call.params[0] ?? '', call.query.get(QUALIFIER) ?? undefined),
        },
      ],
      handle: async (call): Promise<RestAnswer> => {
        checkQuery(call.query);
        const result = await lambda.invoke({
          functionName: call.params[0] ?? '',
          qualifier: call.query.get(QUALIFIER) ?? undefined,
          invocationType: invocationType(call),
          payload: await call.body(),
          tenantId: call.header('x-amz-tenant-id'),
          durableExecutionName: call.header('x-amz-durable-execution-name'),
          traceId: call.header('x-amzn-trace-id'),
          clientContext: decodeClientContext(call.header('x-amz-client-context')),
        });
        return {
          status: result.statusCode,
          headers: {
            'x-amz-executed-version': result.executedVersion,
            ...(result.functionError === undefined ? {} : { 'x-amz-function-error': result.functionError }),
            ...(result.durableExecutionArn === undefined
              ? {}
              : { 'x-amz-durable-execution-arn': result.durableExecutionArn }),
          },
          body: result.payload,
        };
      },
    },
  ];
}

function decodeClientContext(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('utf8');
}
