/**
 * The role that isolated functions assume for one tenant: its policies name the session tag TenantId, so a session reaches
 * that tenant's objects and items and no other's. The functions themselves hold no right to data.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/tutorial_attribute-based-access-control.html
 */
import { Duration } from 'aws-cdk-lib';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { ENV, TENANT_KEY_PREFIX, TENANT_PK_PREFIX, TENANT_TAG } from '../../shared/contract.ts';
import { objectStatements, tableActions, createStatements } from './access.ts';
import type { ObjectAccess, TableAccess } from './access.ts';
import { acknowledgeWildcard } from './acknowledge.ts';
import type { DataBucket } from './data-bucket.ts';

/** Where a tenant's batches lie among its objects (shared/stores/objects.ts). */
const BATCHES = 'batches/';
const TAG = `\${aws:PrincipalTag/${TENANT_TAG}}`;

export interface TenantRoleProps {
  readonly description: string;
  /** Roles of the isolated functions. */
  readonly trusted: readonly iam.IRole[];
  readonly bucket: DataBucket;
  readonly objects: ObjectAccess;
  /** The catalog, of a role that may make batches and otherwise reads. */
  readonly batches?: dynamodb.Table;
  /** Environment variable, table and what the role may do with it. */
  readonly tables: readonly (readonly [variable: string, table: dynamodb.Table, access: TableAccess])[];
}

export class TenantRole extends Construct {
  readonly roleArn: string;
  /** What a function that assumes the role has to know. */
  readonly environment: Readonly<Record<string, string>>;

  constructor(scope: Construct, id: string, props: TenantRoleProps) {
    super(scope, id);
    const role = new iam.Role(this, 'Role', {
      description: props.description,
      assumedBy: new iam.CompositePrincipal(...props.trusted.map(sessionsOf)),
      maxSessionDuration: Duration.hours(1),
    });
    const { bucket } = props;
    const prefix = `${TENANT_KEY_PREFIX}${TAG}/`;
    for (const statement of objectStatements(bucket, prefix, props.objects)) role.addToPolicy(statement);
    const objects = { owner: bucket, arn: bucket.bucketArn, suffix: `/${prefix}*` };
    acknowledgeWildcard(role, objects, 'All objects of one tenant: the one in the session tag.');
    if (props.batches !== undefined) {
      const written = `${prefix}${BATCHES}`;
      for (const statement of createStatements(bucket, written)) role.addToPolicy(statement);
      acknowledgeWildcard(role, { ...objects, suffix: `/${written}*` }, 'What batches of one tenant are made of.');
      role.addToPolicy(tenantRecords(props.batches));
    }
    for (const [, table, access] of props.tables) role.addToPolicy(tenantItems(table, access));
    this.roleArn = role.roleArn;
    this.environment = {
      [ENV.bucket]: bucket.bucketName,
      ...Object.fromEntries(props.tables.map(([variable, table]) => [variable, table.tableName])),
    };
  }
}

/** Sessions of a role that name a tenant as their tag, and no other tag. */
function sessionsOf(role: iam.IRole): iam.IPrincipal {
  const tagged = new iam.ArnPrincipal(role.roleArn).withConditions({
    StringLike: { [`aws:RequestTag/${TENANT_TAG}`]: '*' },
    'ForAllValues:StringEquals': { 'aws:TagKeys': [TENANT_TAG] },
  });
  return new iam.SessionTagsPrincipal(tagged);
}

/** New records beside the tenant's own: of its audit log, its models' versions and its jobs' events none can be written. */
function tenantRecords(table: dynamodb.Table): iam.PolicyStatement {
  return new iam.PolicyStatement({
    actions: ['dynamodb:PutItem'],
    resources: [table.tableArn],
    conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [`${TENANT_PK_PREFIX}${TAG}`] } },
  });
}

/** Items whose partition key is `TENANT#<id>` or begins with `TENANT#<id>#`. */
function tenantItems(table: dynamodb.Table, access: TableAccess): iam.PolicyStatement {
  const partition = `${TENANT_PK_PREFIX}${TAG}`;
  return new iam.PolicyStatement({
    actions: tableActions(access),
    resources: [table.tableArn],
    conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [partition, `${partition}#*`] } },
  });
}
