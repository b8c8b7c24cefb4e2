/**
 * What a principal may do with tables, objects and the key, spelled out as actions: no wildcards, and no Scan for anyone,
 * because `ForAllValues` conditions on leading keys hold when the key is absent (docs: IAM condition operators).
 */
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { Aws } from 'aws-cdk-lib';

export type TableAccess = 'get' | 'read' | 'readwrite';
export type ObjectAccess = 'read' | 'readwrite';

const TABLE_ACTIONS: Readonly<Record<TableAccess, readonly string[]>> = {
  get: ['dynamodb:GetItem'],
  read: ['dynamodb:GetItem', 'dynamodb:Query'],
  readwrite: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
};

const OBJECT_READ = ['s3:GetObject'];
const OBJECT_WRITE = ['s3:PutObject', 's3:DeleteObject'];

export function tableActions(access: TableAccess): string[] {
  return [...TABLE_ACTIONS[access]];
}

export function objectActions(access: ObjectAccess): string[] {
  return access === 'read' ? OBJECT_READ : [...OBJECT_READ, ...OBJECT_WRITE];
}

/** The rights to objects under a prefix of the bucket, to list that prefix, and to the key through S3 only. */
export function objectStatements(
  bucket: { readonly bucketArn: string; readonly key: kms.IKey },
  prefix: string,
  access: ObjectAccess,
): iam.PolicyStatement[] {
  return [
    new iam.PolicyStatement({ actions: objectActions(access), resources: [`${bucket.bucketArn}/${prefix}*`] }),
    new iam.PolicyStatement({
      actions: ['s3:ListBucket'],
      resources: [bucket.bucketArn],
      conditions: { StringLike: { 's3:prefix': [`${prefix}*`] } },
    }),
    throughS3(bucket.key, access === 'read' ? ['kms:Decrypt'] : ['kms:Decrypt', 'kms:GenerateDataKey']),
  ];
}

/** The rights to write objects under a prefix, beside the right to read more than that. */
export function createStatements(
  bucket: { readonly bucketArn: string; readonly key: kms.IKey },
  prefix: string,
): iam.PolicyStatement[] {
  return [
    new iam.PolicyStatement({ actions: ['s3:PutObject'], resources: [`${bucket.bucketArn}/${prefix}*`] }),
    throughS3(bucket.key, ['kms:GenerateDataKey']),
  ];
}

function throughS3(key: kms.IKey, actions: string[]): iam.PolicyStatement {
  return new iam.PolicyStatement({
    actions,
    resources: [key.keyArn],
    conditions: { StringEquals: { 'kms:ViaService': `s3.${Aws.REGION}.${Aws.URL_SUFFIX}` } },
  });
}
