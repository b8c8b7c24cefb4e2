/**
 * The bucket of the tenants' datasets, checkpoints and models: encrypted under one key, TLS only, access logged. Not
 * versioned, because objects are immutable and an erasure must erase.
 */
import type { RemovalPolicy } from 'aws-cdk-lib';
import { Duration } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { TENANT_KEY_PREFIX } from '../../shared/contract.ts';

export interface DataBucketProps {
  readonly key: kms.IKey;
  readonly removalPolicy: RemovalPolicy;
  readonly logRetentionDays: number;
  readonly uploadOrigins: readonly string[];
}

export class DataBucket extends Construct {
  readonly bucketName: string;
  readonly bucketArn: string;
  readonly key: kms.IKey;

  constructor(scope: Construct, id: string, props: DataBucketProps) {
    super(scope, id);
    const accessLogs = new s3.Bucket(this, 'AccessLogs', {
      ...PRIVATE,
      // Log delivery cannot write under a key of ours without a grant to the whole service.
      encryption: s3.BucketEncryption.S3_MANAGED,
      lifecycleRules: [{ expiration: Duration.days(props.logRetentionDays) }],
      removalPolicy: props.removalPolicy,
    });
    const bucket = new s3.Bucket(this, 'Bucket', {
      ...PRIVATE,
      encryption: s3.BucketEncryption.KMS,
      encryptionKey: props.key,
      bucketKeyEnabled: true,
      // CDK's interfaces are not written for exactOptionalPropertyTypes.
      serverAccessLogsBucket: accessLogs as s3.IBucket,
      serverAccessLogsPrefix: 'data/',
      removalPolicy: props.removalPolicy,
      lifecycleRules: [
        { id: 'unfinished-uploads', prefix: TENANT_KEY_PREFIX, abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
      cors: [
        {
          // Presigned URLs carry the right; an origin adds none.
          allowedMethods: [s3.HttpMethods.GET, s3.HttpMethods.PUT, s3.HttpMethods.HEAD],
          allowedOrigins: [...props.uploadOrigins],
          allowedHeaders: ['*'],
          exposedHeaders: ['ETag'],
          maxAge: 3600,
        },
      ],
    });
    this.bucketName = bucket.bucketName;
    this.bucketArn = bucket.bucketArn;
    this.key = props.key;
  }
}

const PRIVATE = {
  blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
  objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
  enforceSSL: true,
};
