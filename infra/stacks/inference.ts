/** Prediction: one isolated function and the role it takes for its tenant. */
import { Duration, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { ENV } from '../../shared/contract.ts';
import { ServiceFunction } from '../constructs/service-function.ts';
import { TenantRole } from '../constructs/tenant-role.ts';
import type { Deployment } from '../deployment.ts';
import type { DataStack } from './data.ts';
import { FIT_MEMORY_MB } from './training.ts';
import type { TrainingStack } from './training.ts';

export class InferenceStack extends Stack {
  readonly inference: ServiceFunction;

  constructor(
    scope: Construct,
    id: string,
    deployment: Deployment,
    { data, training }: { data: DataStack; training: TrainingStack },
  ) {
    super(scope, id, { description: 'Tenon: prediction' });
    this.inference = new ServiceFunction(this, 'Inference', {
      deployment,
      source: 'inference',
      description: "Predicts with a tenant's model",
      // One full vCPU: ONNX Runtime with one thread.
      memoryMb: 1769,
      timeout: Duration.seconds(29),
      withOnnxRuntime: true,
      isolated: true,
    });
    const tenantRole = new TenantRole(this, 'TenantRole', {
      description: 'What prediction may do for the tenant of its session',
      trusted: [this.inference.role!],
      bucket: data.bucket,
      objects: 'read',
      // A prediction that is answered later is made a batch.
      batches: data.catalog,
      tables: [
        [ENV.catalogTable, data.catalog, 'read'],
        [ENV.quotasTable, data.quotas, 'readwrite'],
      ],
    });
    this.inference.bindTenantRole(tenantRole).bindStart(training.trainAlias, ENV.trainFunction);
    this.inference.addEnvironment(ENV.fitMemoryMb, String(FIT_MEMORY_MB));
  }
}
