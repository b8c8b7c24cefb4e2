/**
 * The public API: one method for each entry of ROUTES, a request authorizer in front, and the tenant's id put into the
 * header of isolated functions from the authorizer's context, never from what a client sent.
 */
import { Duration } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { AUTHORIZER_CACHE_S, AUTHORIZER_CONTEXT, ROUTES } from '../../shared/contract.ts';
import type { Route, RouteFunction } from '../../shared/contract.ts';
import type { AuthorizerCache, Settings } from '../settings.ts';
import { acknowledge } from './acknowledge.ts';
import { addGatewayErrors } from './gateway-errors.ts';

/** Sent to functions as they are, base64-encoded; every other type is text. */
const BINARY_MEDIA_TYPES = ['application/octet-stream', 'application/gzip', 'application/x-gzip', 'image/png'];

const TENANT_HEADER = 'integration.request.header.X-Amz-Tenant-Id';

/** A streamed answer may take longer than API Gateway's 29 s: the function's own time limit ends it. */
const STREAM_TIMEOUT = Duration.minutes(5);

export interface PublicApiProps {
  readonly settings: Settings;
  readonly authorizer: lambda.IFunction;
  readonly functions: Readonly<Record<RouteFunction, lambda.IFunction>>;
  readonly accessLogs: logs.ILogGroup;
}

export class PublicApi extends Construct {
  readonly api: apigateway.RestApi;

  constructor(scope: Construct, id: string, props: PublicApiProps) {
    super(scope, id);
    const { settings } = props;
    this.api = new apigateway.RestApi(this, 'Api', {
      restApiName: `${settings.prefix}-api`,
      endpointConfiguration: { types: [apigateway.EndpointType.REGIONAL] },
      binaryMediaTypes: BINARY_MEDIA_TYPES,
      cloudWatchRole: true,
      deployOptions: {
        stageName: settings.stage,
        throttlingRateLimit: settings.requestsPerSecond,
        throttlingBurstLimit: settings.requestBurst,
        accessLogDestination: new apigateway.LogGroupLogDestination(props.accessLogs),
        accessLogFormat: apigateway.AccessLogFormat.custom(JSON.stringify(ACCESS_LOG)),
        loggingLevel: apigateway.MethodLoggingLevel.ERROR,
        // Payloads are tenants' data.
        dataTraceEnabled: false,
        metricsEnabled: true,
        tracingEnabled: true,
      },
    });
    addGatewayErrors(this.api);
    this.addRoutes(props);
    acknowledge(this.api, FINDINGS);
  }

  private addRoutes(props: PublicApiProps): void {
    const integrations = {
      control: new apigateway.LambdaIntegration(props.functions.control, { scopePermissionToMethod: false }),
      inference: new apigateway.LambdaIntegration(props.functions.inference, {
        scopePermissionToMethod: false,
        requestParameters: { [TENANT_HEADER]: `context.authorizer.${AUTHORIZER_CONTEXT.tenantId}` },
      }),
      events: new apigateway.LambdaIntegration(props.functions.events, {
        scopePermissionToMethod: false,
        responseTransferMode: apigateway.ResponseTransferMode.STREAM,
        timeout: STREAM_TIMEOUT,
      }),
    };
    const authorizer = keyAuthorizer(this, props.authorizer, props.settings.authorizerCache);
    for (const route of methodsOf(ROUTES)) {
      this.api.root
        .resourceForPath(resourceOf(route))
        .addMethod(
          route.method,
          integrations[route.function],
          route.auth === 'key'
            ? { authorizationType: apigateway.AuthorizationType.CUSTOM, authorizer }
            : { authorizationType: apigateway.AuthorizationType.NONE },
        );
    }
  }
}

function resourceOf(route: Route): string {
  return route.resource ?? route.path;
}

/** One route for each method of a resource: `{name}:predict` and `{name}:explain` are one to API Gateway. */
function methodsOf(routes: readonly Route[]): Route[] {
  const methods = new Map<string, Route>();
  for (const route of routes) {
    const key = `${route.method} ${resourceOf(route)}`;
    const known = methods.get(key);
    if (known && (known.function !== route.function || known.auth !== route.auth)) {
      throw new Error(`routes ${known.operation} and ${route.operation} share ${key} but differ in function or auth`);
    }
    methods.set(key, route);
  }
  return [...methods.values()];
}

/**
 * A key comes in one of two headers, but API Gateway keeps answers only under headers that are ALL there (a missing one is
 * a 401 without a call). `function`: the gateway keeps nothing and the authorizer keeps its lookups in memory.
 * `gateway`: the gateway keeps answers under `Authorization`, and `x-api-key` is not taken.
 * Source: https://docs.aws.amazon.com/apigateway/latest/api/API_Authorizer.html
 */
function keyAuthorizer(
  scope: Construct,
  handler: lambda.IFunction,
  cache: AuthorizerCache,
): apigateway.RequestAuthorizer {
  if (cache === 'gateway') {
    return new apigateway.RequestAuthorizer(scope, 'Authorizer', {
      handler,
      identitySources: [apigateway.IdentitySource.header('Authorization')],
      resultsCacheTtl: Duration.seconds(AUTHORIZER_CACHE_S),
    });
  }
  const authorizer = new apigateway.RequestAuthorizer(scope, 'Authorizer', {
    handler,
    identitySources: [],
    resultsCacheTtl: Duration.seconds(0),
  });
  // CDK writes an empty text, which is not the same as none.
  (authorizer.node.defaultChild as apigateway.CfnAuthorizer).addPropertyDeletionOverride('IdentitySource');
  return authorizer;
}

/** Who called what and how it went; no path parameters or query strings, which are tenants' words. */
const ACCESS_LOG = {
  request_id: '$context.requestId',
  time: '$context.requestTimeEpoch',
  tenant_id: `$context.authorizer.${AUTHORIZER_CONTEXT.tenantId}`,
  key_id: `$context.authorizer.${AUTHORIZER_CONTEXT.keyId}`,
  source_ip: '$context.identity.sourceIp',
  method: '$context.httpMethod',
  resource: '$context.resourcePath',
  status: '$context.status',
  error_type: '$context.error.responseType',
  response_bytes: '$context.responseLength',
  latency_ms: '$context.responseLatency',
  integration_latency_ms: '$context.integrationLatency',
};

const FINDINGS = {
  'AwsSolutions-APIG2':
    'Requests are checked in the functions against the schemas that also make the OpenAPI document: the gateway knows no row, column or tensor.',
  'AwsSolutions-APIG4':
    'Every route with a key has the authorizer; health, the OpenAPI document, its page and the metadata of the server are public, and a test holds the list to ROUTES.',
  'AwsSolutions-COG4':
    'Tenants are programs with API keys, checked by the Lambda authorizer, not people with Cognito accounts.',
  'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]':
    'The account-wide role of API Gateway itself: the service asks for this managed policy.',
};
