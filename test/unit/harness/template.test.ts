/** Templates in, resolved model out. Expected values follow the CloudFormation user guide's pages on each function. */
import { mkdtempSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readCloud } from '../../../harness/template/index.ts';
import type { CloudModel } from '../../../harness/template/index.ts';

type Template = Record<string, unknown>;

/** Writes templates as a cloud assembly, stack by stack, and reads it. */
function read(stacks: Record<string, Template>, parameters: Record<string, string> = {}): CloudModel {
  const folder = mkdtempSync(join(tmpdir(), 'assembly-'));
  mkdirSync(join(folder, 'code'));
  const artifacts = Object.fromEntries(
    Object.keys(stacks).map((name) => [
      name,
      { type: 'aws:cloudformation:stack', properties: { templateFile: `${name}.template.json` } },
    ]),
  );
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ version: '55.0.0', artifacts }));
  for (const [name, template] of Object.entries(stacks))
    writeFileSync(join(folder, `${name}.template.json`), JSON.stringify(template));
  return readCloud(folder, { region: 'eu-west-1', parameters });
}

/** The value of an output `{Out: {Value: expression}}` in a stack with some resources. */
function evaluate(
  expression: unknown,
  extra: Template = {},
  parameters: Record<string, string> = {},
): string | undefined {
  const Resources = { Table: { Type: 'AWS::DynamoDB::Table', Properties: {} }, Bucket: { Type: 'AWS::S3::Bucket' } };
  return read({ App: { Resources, Outputs: { Out: { Value: expression } }, ...extra } }, parameters).outputs.App?.Out;
}

describe('an intrinsic function', () => {
  test.each([
    ['Ref of a resource', { Ref: 'Table' }, 'App-Table'],
    ['Ref of a bucket, in lower case', { Ref: 'Bucket' }, 'app-bucket'],
    ['Ref of a pseudo parameter', { Ref: 'AWS::Region' }, 'eu-west-1'],
    ['GetAtt as a list', { 'Fn::GetAtt': ['Bucket', 'Arn'] }, 'arn:aws:s3:::app-bucket'],
    ['GetAtt as text', { 'Fn::GetAtt': 'Table.Arn' }, 'arn:aws:dynamodb:eu-west-1:123456789012:table/App-Table'],
    ['Join', { 'Fn::Join': ['-', ['a', { Ref: 'AWS::StackName' }, 'c']] }, 'a-App-c'],
    [
      'Sub',
      { 'Fn::Sub': '${AWS::AccountId}/${Table}/${Bucket.Arn}/${!Literal}' },
      '123456789012/App-Table/arn:aws:s3:::app-bucket/${Literal}',
    ],
    ['Sub with variables', { 'Fn::Sub': ['${Name}!', { Name: { Ref: 'Table' } }] }, 'App-Table!'],
    ['Select of a Split', { 'Fn::Select': [1, { 'Fn::Split': [':', 'a:b:c'] }] }, 'b'],
    ['Base64', { 'Fn::Base64': 'hi' }, 'aGk='],
    ['nested ones', { 'Fn::Join': ['', ['x', { 'Fn::Select': ['0', [{ 'Fn::Sub': '${AWS::Partition}' }]] }]] }, 'xaws'],
  ])('%s', (_title, expression, expected) => {
    expect(evaluate(expression)).toBe(expected);
  });

  test('FindInMap', () => {
    const Mappings = { Sizes: { 'eu-west-1': { memory: 512 } } };

    expect(evaluate({ 'Fn::FindInMap': ['Sizes', { Ref: 'AWS::Region' }, 'memory'] }, { Mappings })).toBe('512');
  });

  test.each([
    ['prod', 'big'],
    ['dev', 'small'],
  ])('If of a condition on the parameter value %s', (stage, expected) => {
    const extra = {
      Parameters: { Stage: { Type: 'String', Default: 'dev' } },
      Conditions: {
        IsProd: { 'Fn::Equals': [{ Ref: 'Stage' }, 'prod'] },
        IsBig: { 'Fn::And': [{ Condition: 'IsProd' }, { 'Fn::Not': [{ 'Fn::Equals': ['a', 'b'] }] }] },
      },
    };

    expect(evaluate({ 'Fn::If': ['IsBig', 'big', 'small'] }, extra, { Stage: stage })).toBe(expected);
  });

  test('AWS::NoValue leaves the entry out', () => {
    const Conditions = { Never: { 'Fn::Equals': ['a', 'b'] } };

    expect(
      evaluate(
        { 'Fn::Join': [',', ['a', { 'Fn::If': ['Never', 'b', { Ref: 'AWS::NoValue' }] }, 'c']] },
        { Conditions },
      ),
    ).toBe('a,c');
  });

  test('ImportValue reads what another stack exports', () => {
    const model = read({
      Data: {
        Resources: { Table: { Type: 'AWS::DynamoDB::Table' } },
        Outputs: { T: { Value: { Ref: 'Table' }, Export: { Name: { 'Fn::Sub': '${AWS::StackName}:T' } } } },
      },
      App: { Resources: {}, Outputs: { Out: { Value: { 'Fn::ImportValue': 'Data:T' } } } },
    });

    expect(model.outputs.App?.Out).toBe('Data-Table');
  });
});

describe('a template that cannot be run', () => {
  test.each([
    [
      'an unknown resource type',
      { Resources: { Q: { Type: 'AWS::Batch::JobQueue' } } },
      'App/Q: the harness neither emulates nor knowingly ignores AWS::Batch::JobQueue',
    ],
    [
      'an unknown intrinsic function',
      { Resources: {}, Outputs: { O: { Value: { 'Fn::Cidr': ['a', 1, 2] } } } },
      'App: output O: the harness does not know the intrinsic function Fn::Cidr',
    ],
    [
      'a reference that leads nowhere',
      { Resources: {}, Outputs: { O: { Value: { Ref: 'Gone' } } } },
      'App: output O: refers to Gone',
    ],
    [
      'an attribute that the type has not',
      { Resources: { B: { Type: 'AWS::S3::Bucket' } }, Outputs: { O: { Value: { 'Fn::GetAtt': ['B', 'Colour'] } } } },
      'does not know the attribute Colour of AWS::S3::Bucket (B)',
    ],
    [
      'an import that no stack exports',
      { Resources: {}, Outputs: { O: { Value: { 'Fn::ImportValue': 'X' } } } },
      'no stack exports X',
    ],
    [
      'a parameter without a value',
      { Parameters: { P: { Type: 'String' } }, Resources: {}, Outputs: { O: { Value: { Ref: 'P' } } } },
      'parameter P has no default',
    ],
    [
      'a name that refers to itself',
      { Resources: { T: { Type: 'AWS::DynamoDB::Table', Properties: { TableName: { Ref: 'T' } } } } },
      'T refers to itself',
    ],
    [
      'a number that is text',
      {
        Resources: {
          F: {
            Type: 'AWS::Lambda::Function',
            Properties: { Runtime: 'nodejs24.x', Handler: 'i.h', Role: 'r', Timeout: 'soon', Code: { ZipFile: '' } },
          },
        },
      },
      'App/F.Timeout: expected a number, got a string',
    ],
    [
      'a container image',
      { Resources: { F: { Type: 'AWS::Lambda::Function', Properties: { PackageType: 'Image' } } } },
      'App/F: container images are not emulated',
    ],
    [
      'an AWS managed policy that is not known',
      {
        Resources: {
          R: {
            Type: 'AWS::IAM::Role',
            Properties: {
              AssumeRolePolicyDocument: {},
              ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'],
            },
          },
        },
      },
      'App/R: the AWS managed policy AdministratorAccess is not known',
    ],
  ])('with %s fails by name', (_title, template, message) => {
    expect(() => read({ App: template })).toThrow(message);
  });

  test('that is not there says what to do', () => {
    expect(() => readCloud('/nowhere/cdk.out')).toThrow(
      'no cloud assembly at /nowhere/cdk.out: synthesize the app first',
    );
  });
});

describe('a function', () => {
  const fn = (properties: Template, more: Template = {}) =>
    read({
      App: {
        Resources: {
          F: {
            Type: 'AWS::Lambda::Function',
            Properties: {
              Runtime: 'nodejs24.x',
              Handler: 'index.handler',
              Role: 'arn:aws:iam::123456789012:role/r',
              Code: { ZipFile: 'x' },
              ...properties,
            },
          },
          ...more,
        },
      },
    }).functions[0];

  test('has the defaults of CloudFormation', () => {
    expect(fn({})).toMatchObject({
      functionName: 'App-F',
      memoryMb: 128,
      timeoutS: 3,
      ephemeralStorageMb: 512,
      environment: {},
      isTenantIsolated: false,
      durable: undefined,
      inlineCode: 'x',
    });
  });

  test('has its versions, aliases and settings for events', () => {
    const more = {
      V: { Type: 'AWS::Lambda::Version', Properties: { FunctionName: { Ref: 'F' } } },
      A: {
        Type: 'AWS::Lambda::Alias',
        Properties: { FunctionName: { Ref: 'F' }, Name: 'live', FunctionVersion: { 'Fn::GetAtt': ['V', 'Version'] } },
      },
      E: {
        Type: 'AWS::Lambda::EventInvokeConfig',
        Properties: { FunctionName: { Ref: 'F' }, Qualifier: '$LATEST', MaximumRetryAttempts: 0 },
      },
    };

    expect(fn({ DurableConfig: { ExecutionTimeout: 60 } }, more)).toMatchObject({
      versions: ['1'],
      aliases: { live: '1' },
      asyncConfigs: [{ qualifier: '$LATEST', maximumRetryAttempts: 0, maximumEventAgeS: 21_600 }],
      durable: { executionTimeoutS: 60 },
    });
  });

  test('under a condition that does not hold is not there', () => {
    const model = read({
      App: {
        Conditions: { Never: { 'Fn::Equals': [1, 2] } },
        Resources: {
          F: {
            Type: 'AWS::Lambda::Function',
            Condition: 'Never',
            Properties: { Runtime: 'nodejs24.x', Handler: 'i.h', Role: 'r', Code: { ZipFile: '' } },
          },
        },
      },
    });

    expect(model.functions).toEqual([]);
  });
});

test('policies reach a role inline, attached, managed, and by the name of an AWS managed policy', () => {
  const statement = (action: string) => ({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: action, Resource: '*' }],
  });
  const [role] = read({
    App: {
      Resources: {
        R: {
          Type: 'AWS::IAM::Role',
          Properties: {
            AssumeRolePolicyDocument: {},
            Policies: [{ PolicyName: 'i', PolicyDocument: statement('s3:GetObject') }],
            ManagedPolicyArns: [{ Ref: 'M' }, 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole'],
          },
        },
        M: { Type: 'AWS::IAM::ManagedPolicy', Properties: { PolicyDocument: statement('s3:PutObject') } },
        P: {
          Type: 'AWS::IAM::Policy',
          Properties: { PolicyName: 'p', PolicyDocument: statement('s3:DeleteObject'), Roles: [{ Ref: 'R' }] },
        },
      },
    },
  }).roles;
  const actions = role?.policies.map((policy) => (policy as { Statement: { Action: unknown }[] }).Statement[0]?.Action);

  expect(actions).toEqual([
    's3:GetObject',
    's3:PutObject',
    ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
    's3:DeleteObject',
  ]);
});
