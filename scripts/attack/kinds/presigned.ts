/** Presigned URLs, bent to reach what they were not signed for: another tenant's objects, another method, another time. */
import type { Attempt, AttackKind, Scene } from '../attempt.ts';

type Bend = readonly [name: string, bend: (url: URL, other: URL) => void];

const BENDS: readonly Bend[] = [
  ['the path of another', (url, other) => void (url.pathname = other.pathname)],
  ['the tenant of another', (url, other) => void (url.pathname = url.pathname.replace(TENANT, tenantIn(other)))],
  ['the signature of another', (url, other) => set(url, 'X-Amz-Signature', other)],
  ['the credential of another', (url, other) => set(url, 'X-Amz-Credential', other)],
  ['no signature', (url) => url.searchParams.delete('X-Amz-Signature')],
  ['nothing signed', (url) => void (url.search = '')],
  ['a signature changed in one digit', (url) => void (url.search = url.search.replace(/(Signature=)./, '$1z'))],
  ['a longer life', (url) => url.searchParams.set('X-Amz-Expires', '604800')],
  ['another day', (url) => url.searchParams.set('X-Amz-Date', '20200101T000000Z')],
  ['a list', (url) => void (url.search += '&list-type=2')],
  ['another operation', (url) => void (url.search += '&acl')],
  ['another version', (url) => void (url.search += '&versionId=null')],
  ['another file name', (url) => url.searchParams.set('response-content-disposition', 'inline; filename="x.html"')],
  ['unsigned tenant', (url) => void (url.search += '&x-amz-tenant-id=a')],
];

const TENANT = /\/tenants\/[^/]+\//;

function tenantIn(url: URL): string {
  return TENANT.exec(url.pathname)?.[0] ?? '/tenants/a/';
}

function set(url: URL, name: string, other: URL): void {
  url.searchParams.set(name, other.searchParams.get(name) ?? '');
}

export const swappedUrls: AttackKind = {
  name: 'swapped presigned URLs',
  *attempts(scene) {
    yield* bent(scene, 'GET', 'artifactUrl');
    yield* bent(scene, 'PUT', 'uploadUrl');
  },
};

function* bent({ own, victim }: Scene, method: string, name: 'artifactUrl' | 'uploadUrl'): Generator<Attempt> {
  const other = new URL(victim[name]);
  for (const [label, bend] of BENDS) {
    // A URL of the attacker's own would answer with its own bytes; only one that was bent is sent.
    const before = new URL(own[name]);
    const url = new URL(before);
    bend(url, other);
    // Both may be signed by the same key: then nothing was bent.
    if (url.pathname === before.pathname && String(url.searchParams) === String(before.searchParams)) continue;
    yield attempt(`${method}: ${label}`, method, url.href);
  }
  const dotted = own[name].replace(TENANT, (text) => `${text}..${tenantIn(other).slice('/tenants'.length)}`);
  yield attempt(`${method}: dots within the key`, method, dotted);
  for (const wrong of ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'].filter((one) => one !== method))
    yield attempt(`${method} sent as ${wrong}`, wrong, own[name]);
}

function attempt(label: string, method: string, url: string): Attempt {
  const hasBody = method === 'PUT' || method === 'POST';
  return {
    label,
    request: { method, path: url, key: null, ...(hasBody ? { body: 'x,y\n1,2\n' } : {}) },
    mustBeRefused: true,
  };
}
