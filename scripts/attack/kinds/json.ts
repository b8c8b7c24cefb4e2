/** Bodies whose JSON is in dispute: keys twice, prototypes, depth, encodings; and media types that are another's. */
import type { AttackKind } from '../attempt.ts';
import { exampleFor } from '../bodies.ts';
import { TARGETS, pathOf } from '../slots.ts';
import { requestTo } from './ids.ts';

const DEPTH = 100_000;

/** The body's text -> bodies that mean something else, or nothing. */
function twists(text: string, victimId: string): readonly (readonly [string, string | Uint8Array])[] {
  const inner = text.slice(1, -1);
  const rest = inner === '' ? '' : `,${inner}`;
  const keys = Object.keys(JSON.parse(text) as object);
  const nested = (open: string, close: string): string => `{"x":${open.repeat(DEPTH)}1${close.repeat(DEPTH)}${rest}}`;
  return [
    ['every key twice', `{${inner}${rest}}`],
    [
      'every key, then null',
      `{${inner}${keys.map((key) => `,${JSON.stringify(key)}:null`).join('')}}`.replace('{,', '{'),
    ],
    ['a second dataset', `{${inner}${inner === '' ? '' : ','}"dataset":${JSON.stringify(victimId)}}`],
    ['__proto__', `{"__proto__":{"tenant_id":"a","isAdmin":true}${rest}}`],
    ['__proto__ alone', '{"__proto__":{"name":"x","format":"csv","instances":[1]}}'],
    ['constructor', `{"constructor":{"prototype":{"tenant_id":"a"}}${rest}}`],
    ['toJSON', `{"toJSON":"x","toString":"x","valueOf":"x","then":"x","length":-1${rest}}`],
    ['arrays in arrays', nested('[', ']')],
    ['objects in objects', nested('{"a":', '}')],
    ['unclosed', '['.repeat(DEPTH)],
    ['ten thousand keys', `{${Array.from({ length: 10_000 }, (_, i) => `"k${i}":0`).join(',')}}`],
    ['a byte order mark', `\ufeff${text}`],
    ['UTF-16', Buffer.from(text, 'utf16le')],
    ['broken UTF-8', Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0xc0, 0xaf, 0xff, 0x7d])])],
    ['null bytes', `${text}\0\0`],
    ['two documents', `${text}${text}`],
    ['comments', `/* x */${text}//`],
    ['a text', '"x"'],
    ['a number', '1'],
    ['null', 'null'],
    ['a list', `[${text}]`],
    ['nothing', ''],
    ['blanks', ' \n\t'],
    ['XML', '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'],
  ];
}

const MEDIA_TYPES = [
  'text/plain',
  'application/xml',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
  'application/octet-stream',
  'application/gzip',
  'application/json; charset=utf-16',
  'application/JSON;;;',
  'x',
  '*/*',
];

export const twistedJson: AttackKind = {
  name: 'twisted JSON',
  *attempts(scene) {
    const { own, victim } = scene;
    for (const target of TARGETS) {
      const { method, path } = target.route;
      const text = JSON.stringify(exampleFor(target, own) ?? {});
      // Routes without a body get one too; those that delete get it for things that are not the attacker's.
      const slots = method === 'DELETE' ? victim.slots : own.slots;
      const request = { ...requestTo(target, scene, pathOf(target, slots)), body: text };
      const headers = { 'content-type': 'application/json' };
      for (const [name, body] of target.spec.body === undefined ? [] : twists(text, victim.dataset))
        yield { target, label: `${method} ${path}: ${name}`, request: { ...request, headers, body } };
      for (const type of MEDIA_TYPES)
        yield {
          target,
          label: `${method} ${path}: ${type}`,
          request: { ...request, headers: { 'content-type': type } },
        };
    }
  },
};
