/** The HTTPS API: the gateway, the authorizer, the control function, and the firewall where the operator wants it. */
import { CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { ENV, KEY_USE_PK_PREFIX } from '../../shared/contract.ts';
import { acknowledge } from '../constructs/acknowledge.ts';
import { PublicApi } from '../constructs/rest-api.ts';
import { ServiceFunction } from '../constructs/service-function.ts';
import { WebAcl } from '../constructs/web-acl.ts';
import type { Deployment } from '../deployment.ts';
import type { DataStack } from './data.ts';
import type { InferenceStack } from './inference.ts';
import { FIT_MEMORY_MB } from './training.ts';
import type { TrainingStack } from './training.ts';

export interface ApiStackProps {
  readonly deployment: Deployment;
  readonly data: DataStack;
  readonly inference: InferenceStack;
  readonly training: TrainingStack;
}

export class ApiStack extends Stack {
  readonly api: apigateway.RestApi;
  readonly authorizer: ServiceFunction;
  readonly control: ServiceFunction;
  readonly events: ServiceFunction;

  constructor(scope: Construct, id: string, props: ApiStackProps) {
    super(scope, id, { description: 'Tenon: the HTTPS API' });
    const { deployment, data, training } = props;
    this.authorizer = new ServiceFunction(this, 'Authorizer', {
      deployment,
      source: 'authorizer',
      description: 'Finds the tenant of an API key',
      memoryMb: 512,
      timeout: Duration.seconds(10),
    })
      .bindTable(data.tenants, ENV.tenantsTable, 'get')
      .allowItems(data.tenants, ['dynamodb:PutItem'], `${KEY_USE_PK_PREFIX}*`);
    this.control = new ServiceFunction(this, 'Control', {
      deployment,
      source: 'control',
      description: 'Datasets, jobs, models, limits and usage',
      memoryMb: 1024,
      timeout: Duration.seconds(29),
    })
      .bindTable(data.tenants, ENV.tenantsTable, 'read')
      .bindTable(data.quotas, ENV.quotasTable, 'readwrite')
      .bindTable(data.catalog, ENV.catalogTable, 'readwrite')
      .bindBucket(data.bucket, 'readwrite')
      .bindInvoke(training.ingest, ENV.ingestFunction)
      .bindInvoke(training.fit, ENV.fitFunction)
      .bindDurable(training.trainAlias, ENV.trainFunction);
    this.control.addEnvironment(ENV.fitMemoryMb, String(FIT_MEMORY_MB));
    this.control.addEnvironment(ENV.localWebhooks, String(deployment.settings.localWebhooks));
    this.events = new ServiceFunction(this, 'Events', {
      deployment,
      source: 'events',
      description: "Streams a job's events",
      // It waits more than it works.
      memoryMb: 256,
      timeout: Duration.minutes(5),
    })
      .bindTable(data.quotas, ENV.quotasTable, 'readwrite')
      .bindTable(data.catalog, ENV.catalogTable, 'read');
    this.api = this.publicApi(props);
    if (deployment.settings.waf) new WebAcl(this, 'Firewall', this.api.deploymentStage);
    else acknowledge(this.api, { 'AwsSolutions-APIG3': "The firewall is the operator's choice: -c waf=true." });
    new CfnOutput(this, 'ApiUrl', { value: this.api.url, description: 'Base URL of the API' });
  }

  private publicApi({ deployment, inference }: ApiStackProps): apigateway.RestApi {
    const accessLogs = new logs.LogGroup(this, 'AccessLogs', {
      retention: deployment.settings.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const { api } = new PublicApi(this, 'Public', {
      settings: deployment.settings,
      authorizer: this.authorizer,
      functions: { control: this.control, inference: inference.inference, events: this.events },
      accessLogs,
    });
    return api;
  }
}
