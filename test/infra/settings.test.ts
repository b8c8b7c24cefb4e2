import { describe, expect, test } from '@jest/globals';
import { RootConstruct } from 'constructs';
import { readSettings } from '../../infra/settings.ts';

function settings(context: Readonly<Record<string, unknown>>) {
  const root = new RootConstruct('settings');
  for (const [name, value] of Object.entries(context)) root.node.setContext(name, value);
  return readSettings(root.node);
}

describe('settings', () => {
  test('without any, the deployment is arm64, keeps its data, and has no firewall', () => {
    expect(settings({})).toMatchObject({
      prefix: 'tenon',
      stage: 'live',
      target: 'lambda-arm64',
      retainData: true,
      waf: false,
      alarmEmail: undefined,
    });
  });

  test('text of the command line and values of cdk.json mean the same', () => {
    const fromCommandLine = settings({
      waf: 'true',
      logRetentionDays: '30',
      requestsPerSecond: '50',
      uploadOrigins: 'https://a.example, https://b.example',
    });

    const fromFile = settings({
      waf: true,
      logRetentionDays: 30,
      requestsPerSecond: 50,
      uploadOrigins: ['https://a.example', 'https://b.example'],
    });

    expect(fromCommandLine).toEqual(fromFile);
  });

  test.each([
    [{ prefix: 'Tenon!' }, 'setting "prefix": expected a-z, 0-9 and -, at most 20, a letter first, got "Tenon!"'],
    [{ stage: 'v-1' }, 'setting "stage": expected A-Z, a-z, 0-9 and _, at most 32, got "v-1"'],
    [{ target: 'arm64' }, 'setting "target": expected one of lambda-arm64, lambda-x64, host, got "arm64"'],
    [{ waf: 'yes' }, 'setting "waf": expected true or false, got "yes"'],
    [{ authorizerCache: 'none' }, 'setting "authorizerCache": expected one of function, gateway, got "none"'],
    [{ alarmEmail: 'ops' }, 'setting "alarmEmail": expected an e-mail address, got "ops"'],
    [{ logRetentionDays: 8 }, 'setting "logRetentionDays": expected one of 1, 3, 5, 7, 14, 30'],
    [{ requestsPerSecond: 0 }, 'setting "requestsPerSecond": expected a whole number from 1 to 10000, got 0'],
    [
      { uploadOrigins: 'app.example.com' },
      'setting "uploadOrigins": expected * or a list of origins such as https://app.example.com',
    ],
  ])('%j is refused with what was expected and what stood there', (context, message) => {
    expect(() => settings(context)).toThrow(message);
  });
});
