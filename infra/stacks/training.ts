/** Training: reading datasets, fitting segments (both isolated per tenant) and the durable function that decides. */
import { Duration, Stack } from 'aws-cdk-lib';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { ENV } from '../../shared/contract.ts';
import { acknowledge } from '../constructs/acknowledge.ts';
import { ServiceFunction } from '../constructs/service-function.ts';
import { TenantRole } from '../constructs/tenant-role.ts';
import type { Deployment } from '../deployment.ts';
import type { DataStack } from './data.ts';

/** Two vCPUs. */
export const FIT_MEMORY_MB = 3538;

export class TrainingStack extends Stack {
  readonly ingest: ServiceFunction;
  readonly fit: ServiceFunction;
  readonly train: ServiceFunction;
  /** Durable functions are invoked through an alias or a version only. */
  readonly trainAlias: lambda.Alias;

  constructor(scope: Construct, id: string, deployment: Deployment, data: DataStack) {
    super(scope, id, { description: 'Tenon: datasets and training' });
    this.ingest = new ServiceFunction(this, 'Ingest', {
      deployment,
      source: 'ingest',
      description: 'Reads an uploaded dataset, checks every row and stores it by column',
      memoryMb: 3008,
      timeout: Duration.minutes(15),
      isolated: true,
    });
    this.ingest.configureAsyncInvoke({ retryAttempts: 2, maxEventAge: Duration.hours(1) });
    this.fit = new ServiceFunction(this, 'Fit', {
      deployment,
      source: 'fit',
      description: 'Trains one time-boxed segment from a checkpoint',
      memoryMb: FIT_MEMORY_MB,
      timeout: Duration.minutes(15),
      withOnnxRuntime: true,
      isolated: true,
    });
    this.fit.addEnvironment(ENV.segmentSeconds, String(deployment.settings.segmentSeconds));
    this.fit.addEnvironment(ENV.trainingDataMb, String(deployment.settings.trainingDataMb));
    const tenantRole = new TenantRole(this, 'TenantRole', {
      description: 'What ingest and fit may do for the tenant of their session',
      trusted: [this.ingest.role!, this.fit.role!],
      bucket: data.bucket,
      objects: 'readwrite',
      tables: [
        [ENV.catalogTable, data.catalog, 'readwrite'],
        [ENV.quotasTable, data.quotas, 'readwrite'],
      ],
    });
    this.ingest.bindTenantRole(tenantRole);
    this.fit.bindTenantRole(tenantRole);
    acknowledge(this, {
      'Annotation::aws-lambda:Function.DurableConfig': 'Durable from its first deployment: nothing is replaced.',
    });
    this.train = new ServiceFunction(this, 'Train', {
      deployment,
      source: 'train',
      description: 'Runs a training job: decides, never computes',
      memoryMb: 512,
      timeout: Duration.minutes(15),
      durable: { executionTimeout: Duration.days(31), retentionPeriod: Duration.days(30) },
    })
      .bindTable(data.catalog, ENV.catalogTable, 'readwrite')
      .bindTable(data.quotas, ENV.quotasTable, 'readwrite')
      .bindInvoke(this.fit, ENV.fitFunction);
    this.train.addEnvironment(ENV.trainingSlots, String(deployment.settings.trainingSlots));
    this.train.addEnvironment(ENV.localWebhooks, String(deployment.settings.localWebhooks));
    this.trainAlias = this.train.addAlias('live');
  }
}
