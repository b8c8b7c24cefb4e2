/** Bodies that are too large, and small ones that grow: gzip bombs as bodies and as data. */
import { gzipSync } from 'node:zlib';
import type { AttackKind, Scene } from '../attempt.ts';
import { exampleFor } from '../bodies.ts';
import { TARGETS, pathOf } from '../slots.ts';
import { settled } from '../things.ts';
import { jsonBody } from '../wire.ts';
import type { Answer, HttpRequest } from '../wire.ts';
import { requestTo } from './ids.ts';

const MB = 1_000_000;

export const oversizeBodies: AttackKind = {
  name: 'oversize bodies',
  *attempts(scene) {
    for (const target of TARGETS.filter(({ spec }) => spec.body !== undefined)) {
      const { method, path } = target.route;
      const request = requestTo(target, scene, pathOf(target, scene.own.slots));
      const filled = JSON.stringify({ ...(exampleFor(target, scene.own) as object), filler: 'a'.repeat(11 * MB) });
      yield {
        target,
        label: `${method} ${path}: 11 MB`,
        request: { ...request, body: filled },
        mustBeRefused: true,
        mayHangUp: true,
      };
    }
    const [name, body] = [
      'POST /v1/datasets',
      (csv: string) => jsonBody({ name: 'large', format: 'csv', csv }),
    ] as const;
    for (const megabytes of [5.5, 8]) {
      const request = { method: 'POST', path: '/v1/datasets', key: scene.own.key };
      const csv = `x\n${'1\n'.repeat((megabytes * MB) / 2)}`;
      yield {
        label: `${name}: ${megabytes} MB`,
        request: { ...request, ...body(csv) },
        mustBeRefused: true,
        mayHangUp: true,
      };
    }
  },
};

/** A gzip file of that many zeros behind a header. */
function bomb(header: readonly number[], zeros: number): string {
  return gzipSync(Buffer.concat([Buffer.from(header), Buffer.alloc(zeros)])).toString('base64');
}

/** IDX headers: type ubyte, rank, extents. */
const images = (count: number, side: number) => [0, 0, 8, 3, ...u32(count), ...u32(side), ...u32(side)];
const labels = (count: number) => [0, 0, 8, 1, ...u32(count)];

function u32(value: number): number[] {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return [...bytes];
}

function bombs({ own }: Scene): readonly (readonly [string, HttpRequest])[] {
  const post = { method: 'POST', path: '/v1/datasets', key: own.key };
  const dataset = (fields: object) => ({ ...post, ...jsonBody({ name: 'bomb', ...fields }) });
  const idx = (zeros: number, image: readonly number[]) =>
    dataset({ format: 'idx', images: bomb(image, zeros), labels: bomb(labels(1), 1) });
  const zipped = gzipSync(Buffer.alloc(200 * MB, ' '));
  const encoded = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
  return [
    ['a body of 200 MB in gzip', { ...post, headers: encoded, body: zipped }],
    ['a body in Brotli that is none', { ...post, headers: { ...encoded, 'content-encoding': 'br' }, body: zipped }],
    ['images of 256 MB that claim one pixel', idx(256 * MB, images(1, 1))],
    ['images that claim 2^96 bytes', idx(16, images(0xffff_ffff, 0xffff_ffff))],
    [
      'images of 255 dimensions',
      dataset({ format: 'idx', images: bomb([0, 0, 8, 255], 1020), labels: bomb(labels(1), 1) }),
    ],
    ['a gzip file within a gzip file', dataset({ format: 'csv', csv: zipped.subarray(0, 20_000).toString('latin1') })],
    ['a row of a million cells', dataset({ format: 'csv', csv: `${'a,'.repeat(MB)}a\n` })],
    ['a million columns in one object', dataset({ format: 'jsonl', rows: [manyFields(100_000)] })],
    ['ten thousand declared columns', dataset({ format: 'csv', columns: declared(10_000) })],
    ['two thousand declared columns of long names', dataset({ format: 'csv', columns: declared(2_000, 500) })],
    ['arrays nested a thousand times', deepRow(post)],
    ['a quote that never ends', dataset({ format: 'csv', csv: `x\n"${'a'.repeat(4 * MB)}` })],
  ];
}

function manyFields(count: number): object {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`c${i}`, i]));
}

function declared(count: number, width = 1): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${'c'.repeat(width)}${i}`, 'number']));
}

function deepRow(post: Omit<HttpRequest, 'headers' | 'body'>): HttpRequest {
  const { headers, body } = jsonBody({ name: 'deep', format: 'jsonl', rows: [{ a: 0 }] });
  return { ...post, headers, body: body.replace('"a":0', `"a":${'['.repeat(1_000)}1${']'.repeat(1_000)}`) };
}

export const gzipBombs: AttackKind = {
  name: 'gzip bombs',
  *attempts(scene) {
    for (const [label, request] of bombs(scene)) {
      yield { label, request, mayHangUp: true, check: (answer) => endOf(scene, answer) };
    }
  },
};

/** A dataset that was taken has to be read and settled, without an end on our side. */
export async function endOf({ wire, own }: Pick<Scene, 'wire' | 'own'>, answer: Answer): Promise<string | undefined> {
  if (answer.status !== 201) return undefined;
  const { id } = JSON.parse(answer.body) as { id: string };
  const { status, errors } = (await settled(wire, own.key, `/v1/datasets/${id}`)) as Settled;
  if (errors?.some(({ message }) => /on our side|could not be read/.test(message)))
    return `reading the dataset failed on the service's side: ${JSON.stringify(errors)}`;
  return status === 'ready' || status === 'invalid' ? undefined : `the dataset is still ${status}`;
}

interface Settled {
  readonly status: string;
  readonly errors?: readonly { readonly message: string }[];
}
