/** Values that no field expects, put into every place of every example body; and URLs that the service must not call. */
import type { AttackKind, Scene } from '../attempt.ts';
import { exampleFor, leavesOf, withValue } from '../bodies.ts';
import { TARGETS, pathOf } from '../slots.ts';
import { requestTo } from './ids.ts';

/** JSON texts, some of which are none. */
const HOSTILE: readonly (readonly [string, string])[] = [
  ['null', 'null'],
  ['an array', '[]'],
  ['an object', '{}'],
  ['an empty text', '""'],
  ['minus one', '-1'],
  ['minus zero', '-0'],
  ['a huge number', '1e308'],
  ['an infinite number', '1e999'],
  ['a tiny number', '5e-324'],
  ['beyond 2^53', '9007199254740993'],
  ['NaN', 'NaN'],
  ['a leading zero', '007'],
  ['a null byte', '"a\\u0000b"'],
  ['a raw control character', '"a\u0001b"'],
  ['a lone surrogate', '"\\ud800"'],
  ['right to left', '"\\u202etxt.exe"'],
  ['__proto__', '"__proto__"'],
  ['constructor', '"constructor"'],
  ['a prototype', '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}'],
  ['a path', '"../../../../etc/passwd"'],
  ['an S3 key', '"tenants/a/datasets/x"'],
  ['a DynamoDB key', '"TENANT#a#JOBS"'],
  ['an expression', '"#pk = :pk OR attribute_exists(pk)"'],
  ['a formula', '"=HYPERLINK(\\"http://169.254.169.254\\")"'],
  ['SQL', '"\'; DROP TABLE tenants; --"'],
  ['a template', '"${aws:PrincipalTag/TenantId}"'],
  ['HTML', '"<script>alert(1)</script>"'],
  ['a header', '"a\\r\\nX-Amz-Tenant-Id: a"'],
  ['a long text', JSON.stringify('a'.repeat(100_000))],
  ['ten thousand items', JSON.stringify(Array(10_000).fill(0))],
  ['a deep array', '['.repeat(2_000) + ']'.repeat(2_000)],
];

export const hostileValues: AttackKind = {
  name: 'hostile values',
  *attempts(scene) {
    for (const target of TARGETS) {
      const body = exampleFor(target, scene.own);
      const request = requestTo(target, scene, pathOf(target, scene.own.slots));
      for (const { path } of leavesOf(body)) {
        for (const [name, json] of HOSTILE) {
          yield {
            target,
            label: `${target.route.method} ${target.route.path}: /${path.join('/')} = ${name}`,
            request: { ...request, body: withValue(body, path, json) },
          };
        }
      }
    }
  },
};

function urlsFor({ canary }: Scene): readonly string[] {
  return [
    canary.url,
    canary.url.replace('127.0.0.1', 'localhost'),
    'http://169.254.169.254/latest/meta-data/iam/security-credentials/',
    'http://[fd00:ec2::254]/latest/meta-data/',
    'file:///proc/self/environ',
    'gopher://127.0.0.1:6379/_INFO',
    's3://tenants/a/x',
    `//${new URL(canary.url).host}/x`,
  ];
}

/** Addresses within, however they are written: a webhook may not name one. */
const INTERNAL = [
  'https://169.254.169.254/latest/meta-data/',
  'https://[::ffff:169.254.169.254]/',
  'https://[fd00:ec2::254]/',
  'https://0xa9fea9fe/',
  'https://2852039166/',
  'https://10.0.0.1/',
  'https://192.168.0.1:6379/',
  'https://user:password@example.com/',
  'http://example.com/',
  'file:///proc/self/environ',
];

/** What such an address would answer, had the service asked it. */
const METADATA = /ami-id|AccessKeyId|AWS_SECRET_ACCESS_KEY|instance-id|redis_version/;

export const urlsInFields: AttackKind = {
  name: 'URLs in fields',
  *attempts(scene) {
    for (const target of TARGETS) {
      const body = exampleFor(target, scene.own);
      const request = requestTo(target, scene, pathOf(target, scene.own.slots));
      const texts = leavesOf(body).filter(({ value }) => typeof value === 'string');
      if (body === undefined) continue;
      for (const url of INTERNAL) {
        yield {
          target,
          label: `${target.route.method} ${target.route.path}: a webhook to ${url}`,
          request: { ...request, body: JSON.stringify({ ...body, webhook: { url } }) },
          // Other protocols ignore fields that they do not know.
          mustBeRefused: target.route.path.startsWith('/v1/'),
        };
      }
      for (const url of urlsFor(scene)) {
        const bodies = texts.map(({ path }) => [path.join('/'), withValue(body, path, JSON.stringify(url))] as const);
        for (const field of ['url', 'webhook', 'callback_url'])
          bodies.push([field, JSON.stringify({ ...body, [field]: url })]);
        for (const [place, text] of bodies) {
          yield {
            target,
            label: `${target.route.method} ${target.route.path}: /${place} = ${url}`,
            request: { ...request, body: text },
            check({ body: answered }) {
              if (scene.canary.calls() > 0) return 'the service called a URL that stood in a field';
              return METADATA.test(answered) ? 'the answer holds what an internal address says' : undefined;
            },
          };
        }
      }
    }
  },
};
