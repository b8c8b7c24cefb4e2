/** Another tenant's cursors, and query strings that no page of a list has. */
import type { AttackKind, Scene } from '../attempt.ts';
import { TARGETS, pathOf } from '../slots.ts';
import { requestTo } from './ids.ts';

function cursorsOf({ victim }: Scene): readonly string[] {
  return [victim.dataset, victim.job, victim.model, 'evt_000001_status', `tenants/${victim.tenantId ?? 'a'}/`];
}

export const swappedCursors: AttackKind = {
  name: 'swapped cursors',
  *attempts(scene) {
    for (const target of TARGETS.filter(({ route }) => route.method === 'GET')) {
      for (const cursor of cursorsOf(scene)) {
        for (const slots of [scene.victim.slots, scene.own.slots]) {
          yield {
            target,
            label: `GET ${target.route.path}?after=${cursor}`,
            request: requestTo(target, scene, `${pathOf(target, slots)}?after=${encodeURIComponent(cursor)}`),
            mustBeRefused: slots === scene.victim.slots && target.slots.length > 0,
          };
        }
      }
    }
  },
};

const QUERIES = [
  'limit=0',
  'limit=-1',
  'limit=1e9',
  'limit=NaN',
  'limit=1&limit=100',
  'limit[]=1',
  'limit=',
  'after=',
  'after=%00',
  'after=*',
  'after=%ff%fe',
  'after=TENANT%23',
  'after=' + 'a'.repeat(4000),
  'from=0000-00-00&to=9999-99-99',
  'from=2026-02-30',
  'group_by=__proto__',
  '__proto__=1',
  '__proto__[limit]=1',
  'constructor=1',
  'tenant_id=tenant-a',
  '%zz=%zz',
  '&&&=',
  '?',
];

export const hostileQueries: AttackKind = {
  name: 'hostile queries',
  *attempts(scene) {
    for (const target of TARGETS.filter(({ route }) => route.method === 'GET')) {
      for (const query of QUERIES) {
        yield {
          target,
          label: `GET ${target.route.path}?${query.slice(0, 40)}`,
          request: requestTo(target, scene, `${pathOf(target, scene.own.slots)}?${query}`),
        };
      }
    }
  },
};
