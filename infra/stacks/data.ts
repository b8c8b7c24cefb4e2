/** What is kept: the tenants' bucket, the three tables and the key. The only stack whose loss loses data. */
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { TABLE_KEYS } from '../../shared/contract.ts';
import { DataBucket } from '../constructs/data-bucket.ts';
import type { Deployment } from '../deployment.ts';

export class DataStack extends Stack {
  readonly key: kms.Key;
  readonly bucket: DataBucket;
  readonly tenants: dynamodb.Table;
  readonly quotas: dynamodb.Table;
  readonly catalog: dynamodb.Table;

  constructor(scope: Construct, id: string, deployment: Deployment) {
    super(scope, id, { description: "Tenon: the tenants' data" });
    const { retainData, logRetentionDays, uploadOrigins } = deployment.settings;
    const removalPolicy = retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;
    this.key = new kms.Key(this, 'Key', {
      description: "Tenon: tenants' objects",
      enableKeyRotation: true,
      removalPolicy,
    });
    this.allowAlarms();
    this.bucket = new DataBucket(this, 'Objects', { key: this.key, removalPolicy, logRetentionDays, uploadOrigins });
    const table = (name: string) => this.table(name, removalPolicy, retainData);
    this.tenants = table('Tenants');
    this.quotas = table('Quotas');
    this.catalog = table('Catalog');
  }

  private table(name: string, removalPolicy: RemovalPolicy, deletionProtection: boolean): dynamodb.Table {
    return new dynamodb.Table(this, name, {
      partitionKey: { name: TABLE_KEYS.partition, type: dynamodb.AttributeType.STRING },
      sortKey: { name: TABLE_KEYS.sort, type: dynamodb.AttributeType.STRING },
      timeToLiveAttribute: TABLE_KEYS.ttl,
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      encryption: dynamodb.TableEncryption.AWS_MANAGED,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection,
      removalPolicy,
    });
  }

  /** CloudWatch publishes to the encrypted topic of the operations stack with this key. */
  private allowAlarms(): void {
    this.key.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resources: ['*'],
        conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
      }),
    );
  }
}
