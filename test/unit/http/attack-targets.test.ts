/** The attack suite is made of the route table: no route is left out of it for want of something to send. */
import { describe, expect, it } from '@jest/globals';
import { TARGETS, pathOf } from '../../../scripts/attack/slots.ts';
import type { Slots } from '../../../scripts/attack/slots.ts';
import { exampleFor, leavesOf, withValue } from '../../../scripts/attack/bodies.ts';
import type { Things } from '../../../scripts/attack/things.ts';
import { ROUTES } from '../../../shared/contract.ts';
import type { Slot } from '../../../shared/http/spec/path-examples.ts';

/** Every slot filled with its own name. */
const slots = Object.fromEntries(TARGETS.flatMap((target) => target.slots.map((slot: Slot) => [slot, 'x']))) as Slots;

describe('every route', () => {
  it.each(TARGETS.map((target) => [`${target.route.method} ${target.route.path}`, target] as const))(
    'is a target with a path and a body: %s',
    (_, target) => {
      const body = exampleFor(target, { dataset: 'ds_1', job: 'job_1' } as Things);

      expect(pathOf(target, slots)).toMatch(/^\/(v\d|mlflow|endpoints)[\w/.:-]*$/);
      expect(body === undefined).toBe(target.spec.body === undefined);
    },
  );

  it('is there', () => {
    expect(TARGETS.map(({ route }) => route.operation)).toEqual(ROUTES.map(({ operation }) => operation));
  });
});

describe('withValue', () => {
  it('puts any text at the place of any value', () => {
    const body = { a: [{ b: 1 }], 'c/d': null };

    const texts = leavesOf(body).map(({ path }) => withValue(body, path, '1e999'));

    expect(texts).toEqual([
      '{"a":1e999,"c/d":null}',
      '{"a":[1e999],"c/d":null}',
      '{"a":[{"b":1e999}],"c/d":null}',
      '{"a":[{"b":1}],"c/d":1e999}',
    ]);
  });
});
