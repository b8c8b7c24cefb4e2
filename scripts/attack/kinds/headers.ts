/** Headers that claim another tenant, another path or another client than the one that calls. */
import type { AttackKind, Scene } from '../attempt.ts';
import { TARGETS, pathOf } from '../slots.ts';
import type { HttpRequest } from '../wire.ts';
import { requestTo } from './ids.ts';

/** Sets of headers, each sent together. */
function forgeries({ victim }: Scene): readonly (readonly [string, NonNullable<HttpRequest['headers']>])[] {
  const tenant = victim.tenantId ?? 'tenant-a';
  const claims = JSON.stringify({ tenant_id: tenant });
  return [
    ['X-Amz-Tenant-Id', { 'X-Amz-Tenant-Id': tenant }],
    ['X-Amz-Tenant-Id in lower case, twice', { 'x-amz-tenant-id': [tenant, tenant] }],
    ['Lambda-Runtime-Aws-Tenant-Id', { 'Lambda-Runtime-Aws-Tenant-Id': tenant }],
    ['tenant headers', { 'x-tenant-id': tenant, tenant_id: tenant, tenantid: tenant, 'x-tenant': tenant }],
    ['authorizer context', { 'x-amzn-authorizer': claims, 'x-apigateway-context': claims, authorizer: claims }],
    ['user headers', { 'x-forwarded-user': tenant, 'x-remote-user': tenant, 'x-user-id': tenant, 'x-key-id': tenant }],
    ['rewritten path', { 'x-original-url': `/v1/datasets/${victim.dataset}`, 'x-rewrite-url': '/v1/limits' }],
    ['forwarded', { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'localhost', forwarded: 'for=127.0.0.1' }],
    ['AWS headers', { 'x-amz-invocation-type': 'Event', 'x-amz-client-context': 'e30=', 'x-amz-security-token': 'x' }],
    ['cookie', { cookie: `tenant_id=${tenant}; tenant=${tenant}` }],
  ];
}

function together(scene: Scene): readonly [string, NonNullable<HttpRequest['headers']>] {
  const sets = forgeries(scene).map(([, headers]) => headers);
  return ['all of them', Object.assign({}, ...sets) as NonNullable<HttpRequest['headers']>];
}

export const forgedHeaders: AttackKind = {
  name: 'forged headers',
  *attempts(scene) {
    for (const target of TARGETS) {
      const request = requestTo(target, scene, pathOf(target, scene.victim.slots));
      // Where nothing is named, the request is carried out: once, with all of them, rather than a job for each.
      const all = target.slots.length === 0 ? [together(scene)] : forgeries(scene);
      for (const [name, headers] of all) {
        yield {
          target,
          label: `${target.route.method} ${target.route.path}: ${name}`,
          request: { ...request, headers: { ...request.headers, ...headers } },
          mustBeRefused: target.slots.length > 0,
        };
      }
    }
  },
};
