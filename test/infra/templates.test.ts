import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENV, ROUTES } from '../../shared/contract.ts';
import type { Route } from '../../shared/contract.ts';
import { actionsOf, permissionsOf, statementsOf } from './policies.ts';
import { at, Synthesis } from './synthesis.ts';
import type { Resource } from './synthesis.ts';

let app: Synthesis;
beforeAll(() => {
  app = new Synthesis({ checks: false });
});
afterAll(() => app.remove());

const ISOLATED = ['Inference', 'Ingest', 'Fit'];
const FUNCTIONS = [...ISOLATED, 'Train', 'Control', 'Events', 'Authorizer', 'Admin'];

const fn = (name: string) => app.one('AWS::Lambda::Function', `/${name}/Resource`);
const role = (name: string) => app.one('AWS::IAM::Role', `/${name}Role/Resource`);

describe('functions', () => {
  test.each(ISOLATED)('%s never shares an environment between tenants', (name) => {
    expect(fn(name).properties['TenancyConfig']).toEqual({ TenantIsolationMode: 'PER_TENANT' });
  });

  test.each(['Train', 'Control', 'Events', 'Authorizer', 'Admin'])(
    '%s is not isolated: it serves all tenants',
    (name) => {
      expect(fn(name).properties['TenancyConfig']).toBeUndefined();
    },
  );

  test.each(ISOLATED)('%s has no right to data of its own, only to take the tenant role', (name) => {
    const permissions = permissionsOf(app, role(name));

    const actions = actionsOf(permissions);

    expect(actions).toEqual([
      // Of the durable train function: a prediction that is answered later.
      ...(name === 'Inference' ? ['lambda:InvokeFunction'] : []),
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      'sts:AssumeRole',
      'sts:TagSession',
      'xray:PutTelemetryRecords',
      'xray:PutTraceSegments',
    ]);
  });

  test('train is durable, has an alias, and may write its own checkpoints', () => {
    const train = fn('Train');

    const alias = app.one('AWS::Lambda::Alias', 'Train');
    const version = app.one('AWS::Lambda::Version', 'Train');
    const checkpoints = permissionsOf(app, role('Train')).find(({ actions }) =>
      actions.includes('lambda:CheckpointDurableExecution'),
    );

    expect(train.properties['DurableConfig']).toEqual({ ExecutionTimeout: 31 * 24 * 3600, RetentionPeriodInDays: 30 });
    expect(alias.properties).toMatchObject({ Name: 'live', FunctionName: { Ref: train.id } });
    expect(version.deletionPolicy).toBe('Retain');
    expect(checkpoints?.resource).toEqual({ 'Fn::Join': ['', [{ 'Fn::GetAtt': [train.id, 'Arn'] }, ':*']] });
  });

  test('control starts and stops training through the alias', () => {
    const variable = at(fn('Control'), 'Environment', 'Variables', ENV.trainFunction) as { 'Fn::ImportValue': string };

    const permissions = permissionsOf(app, role('Control'));

    expect(variable['Fn::ImportValue']).toContain('TrainAliaslive');
    expect(
      permissions
        .filter(({ actions }) => actions.includes('lambda:InvokeFunction'))
        .map(({ resource }) => JSON.stringify(resource))
        .join(),
    ).toContain('TrainAliaslive');
    expect(actionsOf(permissions)).toEqual(
      expect.arrayContaining(['lambda:GetDurableExecution', 'lambda:StopDurableExecution']),
    );
  });

  test('the authorizer reads single items of the tenants table and writes the days of use of keys, nothing else', () => {
    const permissions = permissionsOf(app, role('Authorizer')).filter(({ actions }) =>
      actions.some((action) => action.startsWith('dynamodb:')),
    );

    expect(permissions.map(({ actions }) => actions)).toEqual([['dynamodb:GetItem'], ['dynamodb:PutItem']]);
    expect(permissions[1]?.condition).toEqual({
      'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['USED#*'] },
    });
    expect(JSON.stringify(permissions[0]?.resource)).toContain('Tenants');
  });

  test.each(FUNCTIONS)(
    "%s runs Node 24 on arm64, logs JSON with a retention, traces, and keeps ONNX Runtime's telemetry off",
    (name) => {
      const { properties } = fn(name);

      const logGroup = app.one('AWS::Logs::LogGroup', `/${name}Logs/`);

      expect(properties).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: logGroup.id } },
        TracingConfig: { Mode: 'Active' },
        Environment: { Variables: { ORT_DISABLE_TELEMETRY: '1', GB_SECOND_USD: '0.0000133334' } },
      });
      expect(logGroup.properties['RetentionInDays']).toBe(90);
    },
  );

  test('operators find the admin function by its name', () => {
    expect(fn('Admin').properties['FunctionName']).toBe('tenon-admin');
  });
});

describe('tenant roles', () => {
  const TENANT = '${aws:PrincipalTag/TenantId}';

  test.each(['tenon-inference', 'tenon-training'])('%s: only sessions tagged with a tenant take the role', (stack) => {
    const { properties } = app.one('AWS::IAM::Role', `${stack}/TenantRole`);

    const statements = statementsOf(properties['AssumeRolePolicyDocument'] as never);

    expect(statements).not.toHaveLength(0);
    for (const statement of statements) {
      expect([...statement.actions].sort()).toEqual(['sts:AssumeRole', 'sts:TagSession']);
      expect(statement.condition).toMatchObject({ StringLike: { 'aws:RequestTag/TenantId': '*' } });
    }
  });

  test.each(['tenon-inference', 'tenon-training'])('%s: every right is bound to the tenant of the session', (stack) => {
    const permissions = permissionsOf(app, app.one('AWS::IAM::Role', `${stack}/TenantRole`));

    for (const { actions, resource, condition } of permissions) {
      const service = actions[0]?.split(':')[0];
      if (service === 'dynamodb') {
        const { 'ForAllValues:StringLike': keys } = condition as Record<string, Record<string, string[]>>;
        const own = new Set([`TENANT#${TENANT}`, `TENANT#${TENANT}#*`]);
        expect(Object.keys(condition as object)).toEqual(['ForAllValues:StringLike']);
        expect(keys!['dynamodb:LeadingKeys']!.filter((key) => !own.has(key))).toEqual([]);
      } else if (actions.includes('s3:ListBucket')) {
        expect(condition).toEqual({ StringLike: { 's3:prefix': [`tenants/${TENANT}/*`] } });
      } else if (service === 's3') {
        expect(JSON.stringify(resource)).toMatch(/"\/tenants\/\$\{aws:PrincipalTag\/TenantId\}\/(batches\/)?\*"/);
      } else {
        expect(service).toBe('kms');
        expect(Object.keys((condition as { StringEquals: object }).StringEquals)).toEqual(['kms:ViaService']);
      }
    }
  });

  test('prediction writes nothing of objects and the catalog but new batches; training writes', () => {
    const inference = permissionsOf(app, app.one('AWS::IAM::Role', 'tenon-inference/TenantRole'));
    const training = permissionsOf(app, app.one('AWS::IAM::Role', 'tenon-training/TenantRole'));

    const catalogOfInference = inference.filter(({ resource }) => JSON.stringify(resource).includes('Catalog'));

    const puts = inference.filter(({ actions }) => actions.includes('s3:PutObject'));
    expect(puts.map(({ resource }) => JSON.stringify(resource).includes(`${TENANT}/batches/*`))).toEqual([true]);
    expect(actionsOf(inference)).not.toContain('s3:DeleteObject');
    expect(actionsOf(catalogOfInference)).toEqual(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query']);
    const [records] = catalogOfInference.filter(({ actions }) => actions.includes('dynamodb:PutItem'));
    expect(records!.condition).toEqual({
      'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [`TENANT#${TENANT}`] },
    });
    expect(actionsOf(training)).toEqual(
      expect.arrayContaining(['s3:PutObject', 's3:DeleteObject', 'dynamodb:PutItem']),
    );
  });
});

describe('permissions', () => {
  test('nobody may scan a table, and no policy of a role allows by a wildcard action', () => {
    const roles = app
      .of('AWS::IAM::Policy')
      .flatMap(({ properties }) => statementsOf(properties['PolicyDocument'] as never));

    const actions = actionsOf(roles);

    expect(actions).not.toHaveLength(0);
    expect(actions.filter((action) => /Scan|\*/.test(action))).toEqual([]);
  });

  test('nothing is made by a function during deployment', () => {
    const types = new Set(app.resources.map(({ type }) => type));

    expect(
      [...types].filter((type) => type.startsWith('Custom::') || type === 'AWS::CloudFormation::CustomResource'),
    ).toEqual([]);
  });
});

describe('data', () => {
  const tables = () => app.of('AWS::DynamoDB::Table');
  const buckets = () => app.of('AWS::S3::Bucket');

  test('three tables: on demand, encrypted, recoverable to any second, protected, with the keys of the contract', () => {
    expect(
      tables()
        .map(({ id }) => id.replace(/[0-9A-F]{8}$/, ''))
        .sort(),
    ).toEqual(['Catalog', 'Quotas', 'Tenants']);
    for (const { properties, deletionPolicy } of tables()) {
      expect(properties).toMatchObject({
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
        SSESpecification: { SSEEnabled: true },
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        DeletionProtectionEnabled: true,
      });
      expect(deletionPolicy).toBe('Retain');
    }
  });

  test("objects are encrypted under the deployment's key, with a bucket key, and their access is logged", () => {
    const bucket = app.one('AWS::S3::Bucket', 'Objects/Bucket');
    const key = app.one('AWS::KMS::Key', 'Key');

    expect(key.properties['EnableKeyRotation']).toBe(true);
    expect(bucket.deletionPolicy).toBe('Retain');
    expect(at(bucket, 'BucketEncryption', 'ServerSideEncryptionConfiguration')).toEqual([
      {
        BucketKeyEnabled: true,
        ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: { 'Fn::GetAtt': [key.id, 'Arn'] } },
      },
    ]);
    expect(at(bucket, 'LoggingConfiguration', 'DestinationBucketName')).toEqual({
      Ref: app.one('AWS::S3::Bucket', 'AccessLogs').id,
    });
    expect(at(bucket, 'LifecycleConfiguration', 'Rules')).toMatchObject([
      { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
    ]);
  });

  test('every bucket refuses the public and everything but TLS', () => {
    expect(buckets()).toHaveLength(2);
    for (const { id, properties } of buckets()) {
      const policy = app.of('AWS::S3::BucketPolicy').find((candidate) => at(candidate, 'Bucket', 'Ref') === id);
      const denied = statementsOf(policy?.properties['PolicyDocument'] as never).filter(
        ({ effect }) => effect === 'Deny',
      );

      expect(Object.values(properties['PublicAccessBlockConfiguration'] as object)).toEqual([true, true, true, true]);
      expect(denied).toMatchObject([{ actions: ['s3:*'], condition: { Bool: { 'aws:SecureTransport': 'false' } } }]);
    }
  });
});

describe('api', () => {
  const methodOf = (route: Route): Resource => {
    const path = `/Default${route.resource ?? route.path}/${route.method}/`;
    return app.one('AWS::ApiGateway::Method', path);
  };

  test.each(ROUTES as readonly Route[])('$operation has its method, function and authorizer', (route) => {
    const method = methodOf(route);
    const { properties } = method;
    const authorizer = app.one('AWS::ApiGateway::Authorizer', 'Authorizer');

    const uri = JSON.stringify(at(method, 'Integration', 'Uri'));

    expect(uri).toMatch({ control: /Control/, inference: /Inference/, events: /Events/ }[route.function]);
    expect(properties['AuthorizationType']).toBe(route.auth === 'key' ? 'CUSTOM' : 'NONE');
    expect(properties['AuthorizerId']).toEqual(route.auth === 'key' ? { Ref: authorizer.id } : undefined);
  });

  test('there are no methods beyond the routes, and no wildcard paths', () => {
    const routes = new Set(
      (ROUTES as readonly Route[]).map((route) => `${route.method} ${route.resource ?? route.path}`),
    );

    expect(app.of('AWS::ApiGateway::Method')).toHaveLength(routes.size);
    expect(app.of('AWS::ApiGateway::Resource').map(({ properties }) => properties['PathPart'] as string)).not.toContain(
      '{proxy+}',
    );
  });

  test('only health, the OpenAPI document, its page and the state of the server are open', () => {
    const open = app
      .of('AWS::ApiGateway::Method')
      .filter(({ properties }) => properties['AuthorizationType'] === 'NONE');

    expect(open.map(({ metadata }) => metadata['aws:cdk:path']?.split('/Default')[1]).sort()).toEqual([
      '/v1/docs/GET/Resource',
      '/v1/health/GET/Resource',
      '/v1/openapi.json/GET/Resource',
      '/v2/GET/Resource',
      '/v2/health/live/GET/Resource',
      '/v2/health/ready/GET/Resource',
    ]);
  });

  test('the tenant of an isolated function comes from the authorizer, and from nowhere else', () => {
    const isolated = app
      .of('AWS::ApiGateway::Method')
      .filter((method) => JSON.stringify(at(method, 'Integration', 'Uri')).includes('Inference'));

    expect(isolated).not.toHaveLength(0);
    for (const method of isolated) {
      expect(at(method, 'Integration', 'RequestParameters')).toEqual({
        'integration.request.header.X-Amz-Tenant-Id': 'context.authorizer.tenant_id',
      });
    }
  });

  test('either header is taken: the gateway asks the authorizer every time and wants no header of its own', () => {
    const { properties } = app.one('AWS::ApiGateway::Authorizer', 'Authorizer');

    expect(properties).toMatchObject({ Type: 'REQUEST', AuthorizerResultTtlInSeconds: 0 });
    expect(properties['IdentitySource']).toBeUndefined();
  });

  test('the stage logs access without payloads, traces and throttles', () => {
    const stage = app.one('AWS::ApiGateway::Stage', 'Api');

    expect(stage.properties).toMatchObject({
      StageName: 'live',
      TracingEnabled: true,
      MethodSettings: [
        { DataTraceEnabled: false, LoggingLevel: 'ERROR', ThrottlingRateLimit: 1000, ThrottlingBurstLimit: 2000 },
      ],
    });
    expect(at(stage, 'AccessLogSetting', 'Format')).toContain('$context.authorizer.tenant_id');
    expect(app.one('AWS::ApiGateway::RestApi', 'Api').properties['BinaryMediaTypes']).toContain(
      'application/octet-stream',
    );
  });

  test.each([
    ['UNAUTHORIZED', '401', 'unauthenticated'],
    ['ACCESS_DENIED', '403', 'tenant_suspended'],
    ['MISSING_AUTHENTICATION_TOKEN', '404', 'not_found'],
    ['INVALID_SIGNATURE', '404', 'not_found'],
    ['REQUEST_TOO_LARGE', '413', 'payload_too_large'],
    ['UNSUPPORTED_MEDIA_TYPE', '415', 'unsupported_media_type'],
    ['THROTTLED', '429', 'rate_limited'],
    ['INTEGRATION_TIMEOUT', '504', 'internal'],
    ['DEFAULT_4XX', undefined, 'invalid_request'],
    ['DEFAULT_5XX', undefined, 'internal'],
  ])('%s answers %s %s as a problem', (type, status, code) => {
    const response = app.one('AWS::ApiGateway::GatewayResponse', `/${type}/`);

    const body = JSON.parse(at(response, 'ResponseTemplates', 'application/json') as string) as Record<string, unknown>;

    expect(response.properties['StatusCode']).toBe(status);
    expect(response.properties['ResponseParameters']).toMatchObject({
      'gatewayresponse.header.content-type': "'application/problem+json'",
      'gatewayresponse.header.x-request-id': 'context.requestId',
    });
    expect(Object.keys(body)).toEqual([
      'type',
      'title',
      'status',
      'detail',
      'code',
      'param',
      'request_id',
      'retryable',
      'errors',
      'error',
    ]);
    expect(body).toMatchObject({ code, request_id: '$context.requestId', error: { code, param: null } });
  });
});

describe('operations', () => {
  test('errors and throttles of every function, latency and failed jobs raise an alarm on the encrypted topic', () => {
    const topic = app.one('AWS::SNS::Topic', 'Alarms');
    const alarms = app.of('AWS::CloudWatch::Alarm');

    const metrics = alarms.map(
      ({ properties }) => `${properties['Namespace'] as string} ${properties['MetricName'] as string}`,
    );

    expect(metrics.filter((metric) => metric === 'AWS/Lambda Errors')).toHaveLength(FUNCTIONS.length);
    expect(metrics.filter((metric) => metric === 'AWS/Lambda Throttles')).toHaveLength(FUNCTIONS.length);
    expect(metrics).toEqual(
      expect.arrayContaining([
        'AWS/Lambda Duration',
        'AWS/ApiGateway Latency',
        'AWS/ApiGateway 5XXError',
        'Tenon JobsFailed',
      ]),
    );
    for (const { properties } of alarms) expect(properties['AlarmActions']).toEqual([{ Ref: topic.id }]);
    expect(topic.properties['KmsMasterKeyId']).toBeDefined();
    expect(app.of('AWS::CloudWatch::Dashboard')).toHaveLength(1);
  });
});

describe('assets', () => {
  const assetOf = (name: string) => join(app.dir, fn(name).metadata['aws:asset:path'] ?? '');
  const filesOf = (dir: string) =>
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  const sizeOf = (dir: string) => filesOf(dir).reduce((sum, file) => sum + readFileSync(file).length, 0);

  test.each(['Inference', 'Fit'])('%s carries one ONNX Runtime binary, for arm64, in at most 27 MB', (name) => {
    const dir = assetOf(name);

    const native = filesOf(dir)
      .filter((file) => /\.(node|so(\.\d+)*|dylib|dll)$/.test(file))
      .map((file) => file.split('napi-v6')[1]);

    expect(native.sort()).toEqual(
      ['/linux/arm64/libonnxruntime.so.1', '/linux/arm64/onnxruntime_binding.node'].map((file) => join(file)),
    );
    expect(filesOf(dir).filter((file) => file.endsWith('.map') || file.endsWith('.d.ts'))).toEqual([]);
    expect(sizeOf(dir)).toBeLessThanOrEqual(27_000_000);
  });

  test.each(['Control', 'Events', 'Authorizer', 'Ingest', 'Train', 'Admin'])('%s carries its bundle only', (name) => {
    const files = readdirSync(assetOf(name));

    expect(files).toEqual(expect.arrayContaining(['index.js', 'package.json']));
    expect(files.filter((file) => !file.endsWith('.js'))).toEqual(['package.json']);
    expect(sizeOf(assetOf(name))).toBeLessThanOrEqual(1_500_000);
  });
});
