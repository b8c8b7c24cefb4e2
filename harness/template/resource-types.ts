/**
 * ONE table of the resource types the harness knows: emulated ones and ones that it knowingly leaves out. It says what
 * `Ref` and `Fn::GetAtt` answer for each. A type that is not here fails by name when the template is read.
 * Source: "Return values" on each type's page of the AWS CloudFormation template reference.
 */
import { createHash } from 'node:crypto';

/** What a resource's names are made of. */
export interface ResourceIdentity {
  readonly stackName: string;
  readonly logicalId: string;
  readonly accountId: string;
  readonly region: string;
  readonly partition: string;
  /** A property resolved to text, undefined where the template does not give it. */
  property(name: string): string | undefined;
  /** Number of a function version within its function, from 1. */
  versionNumber(): string;
}

export interface ResourceType {
  readonly emulated: boolean;
  /** What `Ref` answers. */
  readonly ref: (of: ResourceIdentity) => string;
  /** What `Fn::GetAtt` answers, by attribute. */
  readonly attributes?: Readonly<Record<string, (of: ResourceIdentity) => string>>;
}

/** Lowercase letters and digits that stay the same for the same resource. */
export function stableId(of: ResourceIdentity, length: number): string {
  const digest = createHash('sha256').update(`${of.stackName}/${of.logicalId}`).digest();
  return [...digest]
    .map((byte) => (byte % 36).toString(36))
    .join('')
    .slice(0, length);
}

function derivedName(of: ResourceIdentity, maxLength: number): string {
  const name = `${of.stackName}-${of.logicalId}`;
  return name.length <= maxLength ? name : `${name.slice(0, maxLength - 9)}-${stableId(of, 8)}`;
}

const named = (property: string, maxLength: number) => (of: ResourceIdentity) =>
  of.property(property) ?? derivedName(of, maxLength);
const arn = (service: string, tail: (of: ResourceIdentity) => string) => (of: ResourceIdentity) =>
  `arn:${of.partition}:${service}:${of.region}:${of.accountId}:${tail(of)}`;

const functionName = named('FunctionName', 64);
const tableName = named('TableName', 255);
const bucketName = (of: ResourceIdentity) => of.property('BucketName') ?? derivedName(of, 63).toLowerCase();
const roleName = named('RoleName', 64);
const logGroupName = named('LogGroupName', 512);
const shortId = (of: ResourceIdentity) => stableId(of, 6);
const uuid = (of: ResourceIdentity) => {
  const hex = createHash('sha256').update(`${of.stackName}/${of.logicalId}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
};
const policyArn = (of: ResourceIdentity) =>
  `arn:${of.partition}:iam::${of.accountId}:policy/${named('ManagedPolicyName', 128)(of)}`;
/** A version or alias is named after its function, given by name or ARN. */
const qualified = (qualifier: (of: ResourceIdentity) => string) => (of: ResourceIdentity) => {
  const name = of.property('FunctionName') ?? '';
  const functionArn = name.startsWith('arn:') ? name : arn('lambda', () => `function:${name}`)(of);
  return `${functionArn}:${qualifier(of)}`;
};

const emulated = (ref: ResourceType['ref'], attributes: ResourceType['attributes'] = {}): ResourceType => ({
  emulated: true,
  ref,
  attributes,
});
const ignored = (
  ref: ResourceType['ref'] = (of) => derivedName(of, 128),
  attributes: ResourceType['attributes'] = {},
): ResourceType => ({
  emulated: false,
  ref,
  attributes,
});

export const RESOURCE_TYPES: Readonly<Record<string, ResourceType>> = {
  'AWS::Lambda::Function': emulated(functionName, { Arn: arn('lambda', (of) => `function:${functionName(of)}`) }),
  'AWS::Lambda::Version': emulated(
    qualified((of) => of.versionNumber()),
    {
      Version: (of) => of.versionNumber(),
      FunctionArn: qualified((of) => of.versionNumber()),
    },
  ),
  'AWS::Lambda::Alias': emulated(
    qualified((of) => of.property('Name') ?? ''),
    { AliasArn: qualified((of) => of.property('Name') ?? '') },
  ),
  'AWS::Lambda::EventInvokeConfig': emulated((of) => derivedName(of, 128)),
  'AWS::Lambda::Permission': emulated((of) => derivedName(of, 100)),
  'AWS::ApiGateway::RestApi': emulated((of) => stableId(of, 10), {
    RootResourceId: (of) => stableId({ ...of, logicalId: `${of.logicalId}/` }, 10),
    RestApiId: (of) => stableId(of, 10),
  }),
  'AWS::ApiGateway::Resource': emulated(shortId, { ResourceId: shortId }),
  'AWS::ApiGateway::Method': emulated(shortId),
  'AWS::ApiGateway::Authorizer': emulated(shortId, { AuthorizerId: shortId }),
  'AWS::ApiGateway::Deployment': emulated(shortId, { DeploymentId: shortId }),
  'AWS::ApiGateway::Stage': emulated((of) => of.property('StageName') ?? shortId(of)),
  'AWS::ApiGateway::GatewayResponse': emulated(shortId, { Id: shortId }),
  'AWS::ApiGateway::RequestValidator': emulated(shortId, { RequestValidatorId: shortId }),
  'AWS::DynamoDB::Table': emulated(tableName, {
    Arn: arn('dynamodb', (of) => `table/${tableName(of)}`),
    StreamArn: arn('dynamodb', (of) => `table/${tableName(of)}/stream/2026-01-01T00:00:00.000`),
  }),
  'AWS::S3::Bucket': emulated(bucketName, {
    Arn: (of) => `arn:${of.partition}:s3:::${bucketName(of)}`,
    DomainName: (of) => `${bucketName(of)}.s3.amazonaws.com`,
    RegionalDomainName: (of) => `${bucketName(of)}.s3.${of.region}.amazonaws.com`,
    DualStackDomainName: (of) => `${bucketName(of)}.s3.dualstack.${of.region}.amazonaws.com`,
    WebsiteURL: (of) => `http://${bucketName(of)}.s3-website-${of.region}.amazonaws.com`,
  }),
  'AWS::S3::BucketPolicy': emulated((of) => derivedName(of, 128)),
  'AWS::IAM::Role': emulated(roleName, {
    Arn: (of) => `arn:${of.partition}:iam::${of.accountId}:role${of.property('Path') ?? '/'}${roleName(of)}`,
    RoleId: (of) => `AROA${stableId(of, 17).toUpperCase()}`,
  }),
  'AWS::IAM::Policy': emulated((of) => of.property('PolicyName') ?? derivedName(of, 128)),
  'AWS::IAM::ManagedPolicy': emulated(policyArn, { PolicyArn: policyArn }),

  // Left out knowingly: nothing in a request's path depends on them, or they only watch.
  'AWS::ApiGateway::Account': ignored(),
  'AWS::ApiGateway::Model': ignored((of) => of.property('Name') ?? stableId(of, 8)),
  'AWS::ApiGateway::UsagePlan': ignored(shortId, { Id: shortId }),
  'AWS::Athena::WorkGroup': ignored(),
  'AWS::CDK::Metadata': ignored(),
  'AWS::CertificateManager::Certificate': ignored(arn('acm', (of) => `certificate/${uuid(of)}`)),
  'AWS::CloudWatch::Alarm': ignored((of) => derivedName(of, 255), {
    Arn: arn('cloudwatch', (of) => `alarm:${derivedName(of, 255)}`),
  }),
  'AWS::CloudWatch::CompositeAlarm': ignored((of) => derivedName(of, 255), {
    Arn: arn('cloudwatch', (of) => `alarm:${derivedName(of, 255)}`),
  }),
  'AWS::CloudWatch::Dashboard': ignored(named('DashboardName', 255)),
  'AWS::Events::Rule': ignored(named('Name', 64), { Arn: arn('events', (of) => `rule/${named('Name', 64)(of)}`) }),
  'AWS::KMS::Key': ignored(uuid, { Arn: arn('kms', (of) => `key/${uuid(of)}`), KeyId: uuid }),
  'AWS::KMS::Alias': ignored((of) => of.property('AliasName') ?? derivedName(of, 255)),
  'AWS::Logs::LogGroup': ignored(logGroupName, { Arn: arn('logs', (of) => `log-group:${logGroupName(of)}:*`) }),
  'AWS::Logs::LogStream': ignored(),
  'AWS::Logs::MetricFilter': ignored(),
  'AWS::Logs::QueryDefinition': ignored(uuid),
  'AWS::Logs::ResourcePolicy': ignored(),
  'AWS::SNS::Topic': ignored(arn('sns', named('TopicName', 256)), {
    TopicArn: arn('sns', named('TopicName', 256)),
    TopicName: named('TopicName', 256),
  }),
  'AWS::SNS::TopicPolicy': ignored(),
  'AWS::SNS::Subscription': ignored(arn('sns', (of) => `${stableId(of, 12)}:${uuid(of)}`)),
  'AWS::SQS::Queue': ignored(
    (of) => `https://sqs.${of.region}.amazonaws.com/${of.accountId}/${named('QueueName', 80)(of)}`,
    {
      Arn: arn('sqs', named('QueueName', 80)),
      QueueName: named('QueueName', 80),
    },
  ),
  'AWS::SQS::QueuePolicy': ignored(),
  'AWS::SSM::Parameter': ignored(named('Name', 255)),
  'AWS::WAFv2::WebACL': ignored((of) => derivedName(of, 128), {
    Arn: arn('wafv2', (of) => `regional/webacl/${derivedName(of, 128)}/${uuid(of)}`),
    Id: uuid,
  }),
  'AWS::WAFv2::WebACLAssociation': ignored(),
  'AWS::WAFv2::LoggingConfiguration': ignored(),
  'AWS::XRay::Group': ignored(),
  'Custom::S3AutoDeleteObjects': ignored(),
  'Custom::LogRetention': ignored(),
};
