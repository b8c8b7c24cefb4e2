/** Another tenant's idempotency keys must replay nothing, and broken ones must break nothing. */
import type { AttackKind } from '../attempt.ts';
import { exampleFor } from '../bodies.ts';
import { TARGETS, pathOf } from '../slots.ts';
import { jsonBody } from '../wire.ts';
import { requestTo } from './ids.ts';

const BROKEN = ['', ' ', 'a'.repeat(255), 'a'.repeat(256), 'a'.repeat(8000), '*', '__proto__', '#', '"', 'é', '\t'];

export const othersIdempotencyKeys: AttackKind = {
  name: "another tenant's idempotency keys",
  *attempts(scene) {
    const { victim, own } = scene;
    for (const target of TARGETS.filter(({ route }) => route.method === 'POST')) {
      const { path } = target.route;
      for (const slots of [victim.slots, own.slots]) {
        for (const body of [exampleFor(target, own), exampleFor(target, victim), {}]) {
          const { headers, body: text } = jsonBody(body);
          yield {
            target,
            label: `POST ${path} with the victim's key`,
            request: {
              ...requestTo(target, scene, pathOf(target, slots)),
              headers: { ...headers, 'idempotency-key': victim.idempotencyKey },
              body: text,
            },
            mustBeRefused: slots === victim.slots && target.slots.length > 0,
          };
        }
      }
      for (const key of BROKEN) {
        const request = requestTo(target, scene, pathOf(target, own.slots));
        yield {
          target,
          label: `POST ${path} with a key of ${key.length} characters`,
          request: { ...request, headers: { ...request.headers, 'idempotency-key': key } },
        };
      }
    }
  },
};
