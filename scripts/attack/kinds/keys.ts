/** No key, keys that are none, and keys that may not be used any more: every route with a key says 401, or 403 where suspended. */
import type { AttackKind, Scene } from '../attempt.ts';
import { TARGETS, pathOf } from '../slots.ts';
import type { Answer, HttpRequest } from '../wire.ts';
import { requestTo } from './ids.ts';

const guarded = TARGETS.filter(({ route }) => route.auth === 'key');

const refused = ({ status }: Answer): string | undefined =>
  status === 401 || status === 403 ? undefined : `expected 401 or 403, got ${status}`;

export const noKey: AttackKind = {
  name: 'no key',
  *attempts(scene) {
    for (const target of guarded) {
      const request = requestTo(target, scene, pathOf(target, scene.victim.slots));
      yield {
        target,
        label: `${target.route.method} ${target.route.path}`,
        request: { ...request, key: null },
        mustBeRefused: true,
        check: refused,
      };
    }
  },
};

/** Headers that carry no valid key, though they look like one. */
function forgeries({ own }: Scene): readonly NonNullable<HttpRequest['headers']>[] {
  const { key } = own;
  const last = key.endsWith('A') ? 'B' : 'A';
  const bearers = [
    '',
    'null',
    'undefined',
    'tenon_sk_',
    `tenon_sk_${'A'.repeat(43)}`,
    `tenon_sk_${'*'.repeat(43)}`,
    key.slice(0, -1),
    key.slice(0, -1) + last,
    `${key}A`,
    key.toUpperCase(),
    key.replace('tenon_sk_', ''),
    `${key},${key}`,
    `' OR '1'='1`,
    '__proto__',
    '{"$ne":null}',
    'a'.repeat(6000),
  ];
  return [
    ...bearers.map((text) => ({ authorization: `Bearer ${text}` })),
    ...bearers.map((text) => ({ 'x-api-key': text })),
    { authorization: key },
    { authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` },
    { authorization: `Token ${key}` },
    { authorization: `Bearer\t${key.slice(0, -1)}${last}` },
    { cookie: `api_key=${key}; authorization=${key}` },
    { 'x-amz-security-token': key },
  ];
}

export const forgedKeys: AttackKind = {
  name: 'forged keys',
  *attempts(scene) {
    const paths = ['/v1/limits', `/v1/datasets/${scene.own.dataset}`];
    for (const path of paths) {
      for (const headers of forgeries(scene)) {
        const [[name, value] = ['', '']] = Object.entries(headers);
        yield {
          label: `GET ${path.slice(0, 12)} with ${name}: ${String(value).slice(0, 12)}...`,
          request: { method: 'GET', path, key: null, headers },
          mustBeRefused: true,
          check: refused,
        };
      }
      for (const query of ['api_key', 'key', 'authorization', 'x-api-key', 'access_token']) {
        yield {
          label: `GET with the key in the query, as ${query}`,
          request: { method: 'GET', path: `${path}?${query}=${scene.own.key}`, key: null },
          mustBeRefused: true,
          check: refused,
        };
      }
    }
  },
};

export const deadKeys: AttackKind = {
  name: 'expired, revoked and suspended keys',
  *attempts(scene) {
    for (const [why, key] of Object.entries(scene.deadKeys)) {
      for (const target of guarded) {
        const request = requestTo(target, scene, pathOf(target, scene.own.slots));
        yield {
          target,
          label: `${target.route.method} ${target.route.path} with a key that is ${why}`,
          request: { ...request, key },
          mustBeRefused: true,
          check: refused,
        };
      }
    }
  },
  skips: ({ deadKeys: keys }) =>
    (['expired', 'revoked', 'suspended'] as const)
      .filter((why) => keys[why] === undefined)
      .map((why) => `no key that is ${why}: give one with --${why}-key`),
};
