/** Another tenant's things by their names: the true ones, guessed ones, and names within bodies. */
import type { Slot } from '../../../shared/http/spec/path-examples.ts';
import type { AttackKind, Scene } from '../attempt.ts';
import { exampleFor, leavesOf, withValue } from '../bodies.ts';
import { TARGETS, pathOf } from '../slots.ts';
import type { Slots, Target } from '../slots.ts';
import { jsonBody } from '../wire.ts';
import type { HttpRequest } from '../wire.ts';

/** The attacker's request to a route: with its own body, and the slots that are given. */
export function requestTo(target: Target, { own }: Scene, path: string): HttpRequest {
  const body = exampleFor(target, own);
  return {
    method: target.route.method,
    path,
    key: target.route.auth === 'key' ? own.key : null,
    ...(body === undefined ? {} : jsonBody(body)),
  };
}

export const othersIds: AttackKind = {
  name: 'ids of another tenant',
  *attempts(scene) {
    for (const target of TARGETS) {
      yield {
        target,
        label: `${target.route.method} ${target.route.path}`,
        request: requestTo(target, scene, pathOf(target, scene.victim.slots)),
        mustBeRefused: target.slots.length > 0,
      };
    }
  },
};

/** Every value of every example body, replaced by each of the victim's names. The last kind: some become the attacker's own names. */
export const othersIdsInBodies: AttackKind = {
  name: 'ids of another tenant in bodies',
  *attempts(scene) {
    const { victim, own } = scene;
    for (const target of TARGETS) {
      const body = exampleFor(target, own);
      for (const { path, value } of leavesOf(body)) {
        for (const id of [victim.dataset, victim.job, victim.model, `tenants/${victim.tenantId ?? 'a'}/`]) {
          yield {
            target,
            label: `${target.route.method} ${target.route.path}: /${path.join('/')} = a name of the victim's`,
            request: {
              ...requestTo(target, scene, pathOf(target, own.slots)),
              body: withValue(body, path, JSON.stringify(id)),
            },
            // What names a thing in the example names nothing of another tenant's.
            mustBeRefused: value === own.dataset || value === own.job,
          };
        }
      }
    }
  },
};

/** Names that somebody could guess, by slot. */
function guesses({ dataset, job, batch, model }: Scene['victim']): Readonly<Record<Slot, readonly string[]>> {
  const near = (id: string): string[] => [
    id.slice(0, -1) + (id.endsWith('0') ? '1' : '0'),
    id.slice(0, -16) + '0'.repeat(16),
    id.toUpperCase(),
    id.slice(0, -1),
    `${id}0`,
    '*',
    '0',
  ];
  const names = ['*', 'latest', 'model', 'default', '%', '.', model.slice(0, -1), model.toUpperCase(), `${model} `];
  return {
    'datasets/{id}': near(dataset),
    'jobs/{id}': near(job),
    'batches/{id}': near(batch),
    'models/{name}': names,
    'models/{ref}': [...names, `${model}@live`, `${model}:1`, `${model}@latest`, `${model}:99999999999`, `@${model}`],
    'endpoints/{ref}': [
      ...names,
      `${model}@live`,
      `${model}:1`,
      `${model}@latest`,
      `${model}:99999999999`,
      `@${model}`,
    ],
    'mlflow/{ref}': [...names, `${model}@live`, `${model}:1`, `${model}@latest`, `${model}:99999999999`, `@${model}`],
    'versions/{version}': ['1', '0', '-1', '01', '1.0', '1e0', '0x1', '9999999999999999', 'latest', ' 1'],
    'aliases/{alias}': ['live', 'latest', '__proto__', 'constructor'],
  };
}

export const guessedIds: AttackKind = {
  name: 'guessed ids',
  *attempts(scene) {
    const { victim } = scene;
    const bySlot = guesses(victim);
    for (const target of TARGETS) {
      for (const slot of target.slots) {
        for (const guess of bySlot[slot]) {
          const slots: Slots = { ...victim.slots, [slot]: guess };
          yield {
            target,
            label: `${target.route.method} ${target.route.path}: ${slot} = ${guess}`,
            request: requestTo(target, scene, pathOf(target, slots)),
            mustBeRefused: true,
          };
        }
      }
    }
  },
};
