/** What the emulated AWS needs of the model: roles, buckets with their policies, tables. */
import type { AwsCloudOptions, PolicyDocument } from './aws/index.ts';
import { asObject, listOr, objectOr } from './template/json.ts';
import type { CloudModel, StorageModel } from './template/index.ts';

type TableDefinition = AwsCloudOptions['tables'][number];
type BucketDefinition = AwsCloudOptions['buckets'][number];
type CorsRules = NonNullable<BucketDefinition['corsRules']>;

function tableOf({ name, properties }: StorageModel): TableDefinition {
  return { ...(properties as unknown as TableDefinition), TableName: name };
}

function bucketOf({ name, properties, logicalId }: StorageModel): BucketDefinition {
  const cors = objectOr(properties.CorsConfiguration, `${logicalId}.CorsConfiguration`);
  const rules = listOr(cors.CorsRules, `${logicalId}.CorsRules`).map((rule) =>
    asObject(rule, `${logicalId}.CorsRules`),
  );
  return { name, ...(rules.length === 0 ? {} : { corsRules: rules as unknown as CorsRules }) };
}

/** The options of `startAwsCloud` that come from the templates. */
export function awsPartsOf(
  model: CloudModel,
): Pick<AwsCloudOptions, 'accountId' | 'region' | 'roles' | 'buckets' | 'bucketPolicies' | 'tables'> {
  const policies = model.bucketPolicies.map(
    ({ bucketName, document }) => [bucketName, document as unknown as PolicyDocument] as const,
  );
  return {
    accountId: model.accountId,
    region: model.region,
    roles: model.roles.map((role) => ({
      arn: role.arn,
      name: role.roleName,
      trustPolicy: role.trustPolicy as unknown as PolicyDocument,
      policies: role.policies as unknown as readonly PolicyDocument[],
      maxSessionDurationS: role.maxSessionDurationS,
    })),
    buckets: model.buckets.map(bucketOf),
    bucketPolicies: Object.fromEntries(policies),
    tables: model.tables.map(tableOf),
  };
}
