/**
 * A Lambda function with our defaults: bundled, JSON logs with a retention, traced, a role that holds nothing but its
 * logs and traces. Each bind method gives the permission AND the environment variable that names the thing.
 */
import type { Duration } from 'aws-cdk-lib';
import { RemovalPolicy } from 'aws-cdk-lib';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { ENV, TENANT_KEY_PREFIX } from '../../shared/contract.ts';
import type { Deployment } from '../deployment.ts';
import type { Target } from '../settings.ts';
import { objectStatements, tableActions } from './access.ts';
import type { ObjectAccess, TableAccess } from './access.ts';
import { acknowledge, acknowledgeWildcard } from './acknowledge.ts';
import type { DataBucket } from './data-bucket.ts';
import type { TenantRole } from './tenant-role.ts';

/** USD per GB-second, us-east-1, November 2026: https://aws.amazon.com/lambda/pricing/. The harness reckons as if on arm64. */
const GB_SECOND_USD: Readonly<Record<Target, string>> = {
  'lambda-arm64': '0.0000133334',
  'lambda-x64': '0.0000166667',
  host: '0.0000133334',
};

const ARCHITECTURES: Readonly<Record<string, lambda.Architecture>> = {
  arm64: lambda.Architecture.ARM_64,
  x64: lambda.Architecture.X86_64,
};

const EXECUTIONS =
  "A durable execution's ARN extends that of the version it runs on, which changes with every deployment.";

export interface ServiceFunctionProps {
  readonly deployment: Deployment;
  /** The code: `functions/<source>/index.ts`, its export `handler`. */
  readonly source: string;
  readonly description: string;
  readonly memoryMb: number;
  readonly timeout: Duration;
  /** The asset carries ONNX Runtime. */
  readonly withOnnxRuntime?: boolean;
  /** Execution environments are never shared between tenants. */
  readonly isolated?: boolean;
  readonly durable?: lambda.DurableConfig;
  readonly functionName?: string;
}

export class ServiceFunction extends lambda.Function {
  constructor(scope: Construct, id: string, props: ServiceFunctionProps) {
    const { deployment, source } = props;
    const logGroup = new logs.LogGroup(scope, `${id}Logs`, {
      retention: deployment.settings.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    super(scope, id, {
      description: props.description,
      ...(props.functionName === undefined ? {} : { functionName: props.functionName }),
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: architectureOf(deployment.bundles.platform.arch),
      code: deployment.bundles.code(source, props.withOnnxRuntime ?? false),
      handler: 'index.handler',
      memorySize: props.memoryMb,
      timeout: props.timeout,
      role: roleFor(scope, id, logGroup),
      logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
      tracing: lambda.Tracing.ACTIVE,
      // ONNX Runtime 1.30 has telemetry on by default on Linux (microsoft/onnxruntime#27379).
      environment: { ORT_DISABLE_TELEMETRY: '1', [ENV.gbSecondUsd]: GB_SECOND_USD[deployment.settings.target] },
      ...(props.isolated ? { tenancyConfig: lambda.TenancyConfig.PER_TENANT } : {}),
      ...(props.durable ? { durableConfig: props.durable } : {}),
      // A durable execution stays on the version that started it: versions outlive the next deployment.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
    });
    acknowledge(this.role!, { 'AwsSolutions-IAM5[Resource::*]': 'X-Ray has no resources: traces are written to *.' });
    if (props.durable) this.allowCheckpoints();
  }

  bindTable(table: dynamodb.Table, variable: string, access: TableAccess): this {
    return this.bind(variable, table.tableName, [
      new iam.PolicyStatement({ actions: tableActions(access), resources: [table.tableArn] }),
    ]);
  }

  /** Only the items whose partition key is like `partition`, in a table that is bound already. */
  allowItems(table: dynamodb.Table, actions: string[], partition: string): this {
    this.addToRolePolicy(
      new iam.PolicyStatement({
        actions,
        resources: [table.tableArn],
        conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [partition] } },
      }),
    );
    return this;
  }

  /** Objects of all tenants. Isolated functions take bindTenantRole instead. */
  bindBucket(bucket: DataBucket, access: ObjectAccess): this {
    const objects = { owner: bucket, arn: bucket.bucketArn, suffix: `/${TENANT_KEY_PREFIX}*` };
    acknowledgeWildcard(this.role!, objects, "The function serves every tenant; it reaches no objects but tenants'.");
    return this.bind(ENV.bucket, bucket.bucketName, objectStatements(bucket, TENANT_KEY_PREFIX, access));
  }

  bindInvoke(target: lambda.IFunction, variable: string): this {
    return this.bind(variable, target.functionArn, [
      new iam.PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [target.functionArn] }),
    ]);
  }

  /** To start, look at and stop executions of a durable function, which must be named through an alias. */
  bindDurable(alias: lambda.Alias, variable: string): this {
    const executions = { owner: alias.lambda, arn: alias.lambda.functionArn, suffix: ':*' };
    acknowledgeWildcard(this.role!, executions, EXECUTIONS);
    return this.bind(variable, alias.functionArn, [
      new iam.PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [alias.functionArn] }),
      new iam.PolicyStatement({
        actions: ['lambda:GetDurableExecution', 'lambda:GetDurableExecutionHistory', 'lambda:StopDurableExecution'],
        resources: [`${alias.lambda.functionArn}:*`],
      }),
    ]);
  }

  /** To start executions of a durable function, and nothing else with them. */
  bindStart(alias: lambda.Alias, variable: string): this {
    return this.bind(variable, alias.functionArn, [
      new iam.PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [alias.functionArn] }),
    ]);
  }

  /** Data of the tenant that the environment runs for, by assuming the tenant role with the tenant as session tag. */
  bindTenantRole(role: TenantRole): this {
    for (const [variable, value] of Object.entries(role.environment)) this.addEnvironment(variable, value);
    return this.bind(ENV.tenantRoleArn, role.roleArn, [
      new iam.PolicyStatement({ actions: ['sts:AssumeRole', 'sts:TagSession'], resources: [role.roleArn] }),
    ]);
  }

  private bind(variable: string, value: string, statements: readonly iam.PolicyStatement[]): this {
    this.addEnvironment(variable, value);
    for (const statement of statements) this.addToRolePolicy(statement);
    return this;
  }

  /** A policy of its own: within the role's default policy, which the function waits for, it would be a cycle. */
  private allowCheckpoints(): void {
    const policy = new iam.Policy(this, 'Checkpoints', {
      roles: [this.role!],
      statements: [
        new iam.PolicyStatement({
          actions: ['lambda:CheckpointDurableExecution', 'lambda:GetDurableExecutionState'],
          resources: [`${this.functionArn}:*`],
        }),
      ],
    });
    acknowledgeWildcard(policy, { owner: this, arn: this.functionArn, suffix: ':*' }, EXECUTIONS);
  }
}

function architectureOf(arch: string): lambda.Architecture {
  const architecture = ARCHITECTURES[arch];
  if (architecture === undefined)
    throw new Error(`Lambda has no architecture "${arch}": expected ${Object.keys(ARCHITECTURES).join(' or ')}`);
  return architecture;
}

/** Instead of the managed policy AWSLambdaBasicExecutionRole, which may write to every log group of the account. */
function roleFor(scope: Construct, id: string, logGroup: logs.LogGroup): iam.Role {
  const role = new iam.Role(scope, `${id}Role`, { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  role.addToPolicy(
    new iam.PolicyStatement({
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logGroup.logGroupArn],
    }),
  );
  return role;
}
