/** Paths that are not what they seem: dots, encoded slashes, case, Unicode, null bytes, parameters; and other methods. */
import type { AttackKind } from '../attempt.ts';
import { TARGETS, pathOf } from '../slots.ts';
import { requestTo } from './ids.ts';

/** Whether a trick may come down to a path of the attacker's own, such as a list; then only what is answered is looked at. */
type Trick = readonly [name: string, mayBeAnother: boolean, write: (id: string) => string];

const WITHIN: readonly Trick[] = [
  ['dots after', true, (id) => `${id}/..`],
  ['dots before', true, (id) => `../datasets/${id}`],
  ['encoded dots', true, (id) => `%2e%2e/datasets/${id}`],
  ['encoded slash', false, (id) => `x%2f..%2f${id}`],
  ['encoded slash after', false, (id) => `${id}%2f`],
  ['encoded backslash', false, (id) => `..%5c${id}`],
  ['twice encoded', false, (id) => `%252e%252e%252f${id}`],
  ['overlong UTF-8', false, (id) => `%c0%ae%c0%ae%c0%af${id}`],
  ['broken encoding', false, (id) => `${id}%zz`],
  ['cut encoding', false, (id) => `${id}%`],
  ['null byte', false, (id) => `${id}%00`],
  ['null byte and extension', false, (id) => `${id}%00.json`],
  ['line break and header', false, (id) => `${id}%0d%0aX-Amz-Tenant-Id:%20a`],
  ['upper case', false, (id) => id.toUpperCase() + '_'],
  ['full width', false, (id) => encodeURIComponent(wide(id))],
  ['lookalikes', false, (id) => encodeURIComponent(id.replaceAll('a', 'а').replaceAll('_', 'ˍ') + 'е')],
  ['combining mark', false, (id) => `${id}%cc%81`],
  ['zero width', false, (id) => `${id}%e2%80%8b`],
  ['right to left', false, (id) => `%e2%80%ae${id}`],
  ['lone surrogate', false, (id) => `${id}%ed%a0%80`],
  ['trailing dot', false, (id) => `${id}.`],
  ['trailing space', false, (id) => `${id}%20`],
  ['plus', false, (id) => `${id}+`],
  ['path parameter', false, (id) => `${id};tenant=a`],
  ['key separator', false, (id) => `%23${id}`],
  ['prefix of a key', false, (id) => `TENANT%23a%23${id}`],
  ['wildcard', false, (id) => `${id.slice(0, 6)}*`],
  ['template', false, (id) => `$%7b${id}%7d`],
  ['empty', true, () => ''],
  ['long', false, (id) => id.repeat(100)],
];

/** `ｄｓ＿` for `ds_`: what NFKC would make the same. */
function wide(text: string): string {
  return Array.from(text, (char) => String.fromCodePoint(char.codePointAt(0)! + 0xfee0)).join('');
}

/** On the path as a whole. */
const WHOLE: readonly (readonly [string, (path: string) => string])[] = [
  ['double slash', (path) => `/${path}`],
  ['backslash', (path) => path.replace('/v1/', '/v1\\')],
  ['dots', (path) => `/v1/health/../..${path}`],
  ['encoded dots', (path) => `/v1/health/%2e%2e/%2e%2e${path}`],
  ['dot', (path) => path.replace('/v1/', '/v1/./')],
  ['upper case', (path) => path.toUpperCase()],
  ['encoded slashes', (path) => '/' + path.slice(1).replaceAll('/', '%2f')],
  ['encoded letters', (path) => path.replace('/v1/', '/%761/')],
  ['trailing slash', (path) => `${path}/`],
  ['another version', (path) => path.replace('/v1/', '/v0/')],
  ['stage within', (path) => `/prod/prod${path}`],
  ['query in the path', (path) => `${path}%3ftenant_id=a`],
];

export const pathTricks: AttackKind = {
  name: 'path tricks',
  *attempts(scene) {
    const { slots } = scene.victim;
    for (const target of TARGETS) {
      const { method, path } = target.route;
      for (const slot of target.slots) {
        for (const [name, mayBeAnother, write] of WITHIN) {
          yield {
            target,
            label: `${method} ${path}: ${slot}, ${name}`,
            request: requestTo(target, scene, pathOf(target, slots, { [slot]: write(slots[slot]) })),
            mustBeRefused: !mayBeAnother,
          };
        }
      }
      for (const [name, write] of WHOLE) {
        yield {
          target,
          label: `${method} ${path}: ${name}`,
          request: requestTo(target, scene, write(pathOf(target, slots))),
        };
      }
    }
  },
};

const METHODS = ['HEAD', 'OPTIONS', 'PATCH', 'PUT', 'DELETE', 'TRACE', 'PROPFIND'];

export const otherMethods: AttackKind = {
  name: 'other methods',
  *attempts(scene) {
    for (const target of TARGETS) {
      const { method, path } = target.route;
      const request = requestTo(target, scene, pathOf(target, scene.victim.slots));
      const { body: _, ...bare } = request;
      for (const other of METHODS.filter((one) => one !== method))
        yield {
          target,
          label: `${other} ${path}`,
          request: { ...bare, method: other },
          mustBeRefused: target.slots.length > 0,
        };
      for (const name of ['x-http-method-override', 'x-method-override', 'x-http-method']) {
        yield {
          target,
          label: `${method} ${path}: ${name}`,
          request: { ...request, headers: { ...request.headers, [name]: 'DELETE' } },
          mustBeRefused: target.slots.length > 0,
        };
      }
    }
  },
};
