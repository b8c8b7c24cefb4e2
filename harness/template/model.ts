/** What the harness runs: the emulated resources of an assembly, with every intrinsic resolved. Data only. */
import type { JsonObject } from './json.ts';

export interface DurableConfig {
  readonly executionTimeoutS: number;
  readonly retentionDays: number;
}

/** AWS::Lambda::EventInvokeConfig of one qualifier. */
export interface AsyncConfig {
  readonly qualifier: string;
  readonly maximumRetryAttempts: number;
  readonly maximumEventAgeS: number;
}

export interface FunctionModel {
  readonly stackName: string;
  readonly logicalId: string;
  /** `aws:cdk:path` without the trailing resource, where the app was synthesized with path metadata. */
  readonly constructPath: string | undefined;
  readonly functionName: string;
  readonly arn: string;
  readonly runtime: string;
  readonly architecture: string;
  readonly handler: string;
  /** Absolute folder of the code; undefined where `inlineCode` is given. */
  readonly codeDir: string | undefined;
  readonly inlineCode: string | undefined;
  readonly memoryMb: number;
  readonly timeoutS: number;
  readonly ephemeralStorageMb: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly roleArn: string;
  readonly isTenantIsolated: boolean;
  readonly durable: DurableConfig | undefined;
  readonly reservedConcurrency: number | undefined;
  readonly asyncConfigs: readonly AsyncConfig[];
  /** Published version numbers; `$LATEST` is always there. */
  readonly versions: readonly string[];
  /** Alias name -> version. */
  readonly aliases: Readonly<Record<string, string>>;
  readonly logGroupName: string;
  readonly logFormat: 'Text' | 'JSON';
  /** Application log level, for JSON logs. */
  readonly logLevel: string | undefined;
}

export interface AuthorizerModel {
  readonly authorizerId: string;
  readonly name: string;
  readonly type: 'REQUEST' | 'TOKEN';
  readonly functionArn: string;
  /** As in the template: `method.request.header.Authorization`, `context.httpMethod` ... */
  readonly identitySources: readonly string[];
  readonly ttlS: number;
  readonly identityValidation: string | undefined;
}

export interface MockResponse {
  readonly statusCode: string;
  readonly selectionPattern: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly templates: Readonly<Record<string, string>>;
}

export type IntegrationModel =
  | {
      readonly type: 'AWS_PROXY';
      readonly functionArn: string;
      /** `integration.request.header.X` -> its source, such as `context.authorizer.tenant_id`. */
      readonly requestParameters: Readonly<Record<string, string>>;
      readonly timeoutMs: number;
      readonly isStreaming: boolean;
    }
  | {
      readonly type: 'MOCK';
      readonly requestTemplates: Readonly<Record<string, string>>;
      readonly responses: readonly MockResponse[];
    };

export interface MethodModel {
  /** Path of the resource: `/items/{id}`. */
  readonly resourcePath: string;
  readonly resourceId: string;
  readonly httpMethod: string;
  readonly authorizationType: string;
  readonly authorizer: AuthorizerModel | undefined;
  /** Required ones: `method.request.querystring.name`; checked only where a validator asks for it. */
  readonly requiredParameters: readonly string[];
  readonly integration: IntegrationModel;
}

export interface GatewayResponseModel {
  readonly responseType: string;
  readonly statusCode: number | undefined;
  /** Header -> `'literal'` or a `context.` variable. */
  readonly headers: Readonly<Record<string, string>>;
  readonly templates: Readonly<Record<string, string>>;
}

export interface RestApiModel {
  readonly stackName: string;
  readonly logicalId: string;
  readonly apiId: string;
  readonly name: string;
  readonly stageName: string;
  readonly stageVariables: Readonly<Record<string, string>>;
  readonly binaryMediaTypes: readonly string[];
  readonly methods: readonly MethodModel[];
  readonly gatewayResponses: readonly GatewayResponseModel[];
}

/** A table or bucket: its physical name and its resolved CloudFormation properties. */
export interface StorageModel {
  readonly stackName: string;
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly properties: JsonObject;
}

export interface BucketPolicyModel {
  readonly bucketName: string;
  readonly document: JsonObject;
}

export interface RoleModel {
  readonly stackName: string;
  readonly logicalId: string;
  readonly roleName: string;
  readonly arn: string;
  readonly trustPolicy: JsonObject;
  /** Inline, attached and managed policies together. */
  readonly policies: readonly JsonObject[];
  readonly maxSessionDurationS: number;
}

/** AWS::Lambda::Permission: who outside IAM may invoke a function. */
export interface LambdaPermissionModel {
  readonly functionArn: string;
  readonly action: string;
  readonly principal: string;
  readonly sourceArn: string | undefined;
}

export interface CloudModel {
  readonly accountId: string;
  readonly region: string;
  readonly partition: string;
  readonly functions: readonly FunctionModel[];
  readonly restApis: readonly RestApiModel[];
  readonly tables: readonly StorageModel[];
  readonly buckets: readonly StorageModel[];
  readonly bucketPolicies: readonly BucketPolicyModel[];
  readonly roles: readonly RoleModel[];
  readonly permissions: readonly LambdaPermissionModel[];
  /** Stack name -> output id -> value. */
  readonly outputs: Readonly<Record<string, Readonly<Record<string, string>>>>;
}
