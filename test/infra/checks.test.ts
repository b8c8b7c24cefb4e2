import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isInstalled, run, Synthesis } from './synthesis.ts';

interface Finding {
  readonly path: string;
  readonly rule: string;
}

describe('cdk-nag, AwsSolutions', () => {
  let acknowledged: readonly (Finding & { readonly reason: string })[];
  let findings: readonly Finding[];
  beforeAll(() => {
    const dir = mkdtempSync(join(tmpdir(), 'tenon-findings-'));
    const { stdout, stderr, status } = run(dir, {}, 'test/infra/findings.ts');
    rmSync(dir, { recursive: true });
    if (status !== 0) throw new Error(stderr);
    ({ acknowledged, findings } = JSON.parse(stdout) as {
      acknowledged: typeof acknowledged;
      findings: typeof findings;
    });
  });

  const covers = (outer: Finding, inner: Finding) =>
    outer.rule === inner.rule && inner.path.startsWith(`${outer.path}/`);

  test('no finding stands without a written reason', () => {
    const unexplained = findings.filter((finding) => !acknowledged.some((reason) => covers(reason, finding)));

    expect(findings).not.toHaveLength(0);
    expect(unexplained).toEqual([]);
    for (const { reason } of acknowledged) expect(reason.length).toBeGreaterThan(30);
  });

  test('no reason stands without a finding', () => {
    const ofNag = acknowledged.filter(({ rule }) => rule.startsWith('AwsSolutions-'));

    const stale = ofNag.filter((reason) => !findings.some((finding) => covers(reason, finding)));

    expect(stale).toEqual([]);
  });
});

describe('a deployment with other settings', () => {
  let app: Synthesis;
  beforeAll(() => {
    app = new Synthesis({
      prefix: 'acme',
      stage: 'v2',
      target: 'lambda-x64',
      waf: 'true',
      authorizerCache: 'gateway',
      alarmEmail: 'ops@example.com',
      logRetentionDays: '30',
      retainData: 'false',
      uploadOrigins: 'https://app.example.com',
    });
  });
  afterAll(() => app.remove());

  test('passes the checks of CDK and cdk-nag', () => {
    const report = app.json('validation-report.json') as { pluginReports: { violations?: unknown[] }[] };

    expect(report.pluginReports.flatMap(({ violations }) => violations ?? [])).toEqual([]);
  });

  test('has its names, architecture, firewall, subscription and retention', () => {
    expect(app.templates().map((file) => file.split('-')[0])).toEqual(Array(5).fill('acme'));
    expect(app.one('AWS::ApiGateway::Stage', 'Api').properties['StageName']).toBe('v2');
    expect(app.one('AWS::Lambda::Function', '/Admin/').properties['FunctionName']).toBe('acme-admin');
    expect(app.of('AWS::Lambda::Function').map(({ properties }) => properties['Architectures'])).toEqual(
      Array(8).fill(['x86_64']),
    );
    expect(app.of('AWS::WAFv2::WebACLAssociation')).toHaveLength(1);
    expect(app.one('AWS::SNS::Subscription', '').properties).toMatchObject({
      Protocol: 'email',
      Endpoint: 'ops@example.com',
    });
    expect(new Set(app.of('AWS::Logs::LogGroup').map(({ properties }) => properties['RetentionInDays']))).toEqual(
      new Set([30]),
    );
    expect(app.of('AWS::DynamoDB::Table').map(({ deletionPolicy }) => deletionPolicy)).toEqual(Array(3).fill('Delete'));
  });

  test('lets the gateway keep answers for half a minute (the function keeps the other half) under the Authorization header', () => {
    expect(app.one('AWS::ApiGateway::Authorizer', 'Authorizer').properties).toMatchObject({
      IdentitySource: 'method.request.header.Authorization',
      AuthorizerResultTtlInSeconds: 30,
    });
  });

  const lint = isInstalled('cfn-lint') ? test : test.skip;
  lint('cfn-lint has nothing to say (skipped where cfn-lint is not installed)', () => {
    const files = app.templates().map((file) => join(app.dir, file));

    // W3005: CDK writes DependsOn beside references to the same resource.
    const { status, stdout } = spawnSync('cfn-lint', ['-i', 'W3005', '-t', ...files], { encoding: 'utf8' });

    expect(stdout).toBe('');
    expect(status).toBe(0);
  });
});
