/**
 * Rights that the journey does not use, each with why it stands in a template all the same. Table rights are given in three
 * widths (infra/constructs/access.ts), of which a role takes the narrowest that holds what it needs.
 */
export const UNUSED: readonly (readonly [grant: RegExp, reason: string])[] = [
  [/inference-TenantRole\w+: s3:ListBucket /, 'S3 answers 403 instead of 404 of a missing object to who may not list'],
  [/inference-TenantRole\w+: dynamodb:Query /, 'the width "read", of which prediction uses GetItem'],
  [
    /inference-TenantRole\w+: dynamodb:(DeleteItem|GetItem|PutItem) .*Quotas/,
    'idempotency keys of predictions; the width "readwrite"',
  ],
  [/training-TenantRole\w+: dynamodb:DeleteItem /, 'undoing what a dataset or version took that was deleted meanwhile'],
  [/TrainRole\w+: dynamodb:DeleteItem /, 'the width "readwrite", of which a job uses all but this'],
  [
    /TrainRole\w+: lambda:GetDurableExecutionState /,
    'a history longer than its invocation event: jobs of many segments',
  ],
  [/ControlRole\w+: dynamodb:GetItem .*Tenants/, 'the width "read"'],
  [/ControlRole\w+: lambda:(Get|Stop)DurableExecution/, 'to look at and stop a job whose execution is stuck'],
  [
    /EventsRole\w+: dynamodb:(DeleteItem|GetItem|PutItem|Query) .*Quotas/,
    'the width "readwrite", of which the rate limit uses UpdateItem',
  ],
  [/AdminRole\w+: s3:(Delete|Get|Put)Object/, 'the width "readwrite": erasing a deleted tenant that stored something'],
];
