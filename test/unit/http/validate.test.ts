import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '../../../shared/errors.ts';
import { parseAs, parseJson } from '../../../shared/http/validate.ts';
import { aliasSchema } from '../../../shared/resources/alias.ts';
import { createDatasetSchema } from '../../../shared/resources/dataset.ts';
import { createJobSchema } from '../../../shared/resources/job.ts';
import { FAMILIES } from '../../../shared/families/registry.ts';
import { parseParams } from '../../../shared/families/validate.ts';

const job = { name: 'm', task: 'regression', family: 'linear_regression', dataset: 'ds_1', target: 'y' };

function errorOf(act: () => unknown): ServiceError {
  try {
    act();
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('parseJson', () => {
  it('says where a body stops being JSON', () => {
    const error = errorOf(() => parseJson('{"name": "x",}'));

    expect(error.code).toBe('invalid_json');
    expect(error.message).toContain('position 13');
  });
});

describe('parseAs', () => {
  it('names an unknown field by its pointer', () => {
    const error = errorOf(() => parseAs(createJobSchema, { ...job, 'epo/chs': 3 }, 'body'));

    expect(error.code).toBe('unknown_field');
    expect(error.details).toEqual([
      { pointer: '/epo~1chs', message: 'unknown field "epo/chs"', hint: 'remove it, or check its spelling' },
    ]);
  });

  it('takes a version or a split as an alias, and says so where both came', () => {
    const split = [1, 2].map((version) => ({ version, weight: 1 }));

    const error = errorOf(() => parseAs(aliasSchema, { version: 1, split }, 'body'));

    expect(error.message).toBe('body: expected "version" or "split", not both; got an object with "version", "split"');
    expect(parseAs(aliasSchema, { split }, 'body')).toEqual({ split });
  });

  it('refuses the options of CSV for other formats', () => {
    const body = { name: 'd', format: 'jsonl', rows: [{ x: 1 }], csv_options: { header: false } };

    const error = errorOf(() => parseAs(createDatasetSchema, body, 'body'));

    expect(error.details).toMatchObject([
      { pointer: '/csv_options', message: expect.stringContaining('not of jsonl') },
    ]);
  });

  it('says what was expected and what stood there', () => {
    const error = errorOf(() => parseAs(createJobSchema, { ...job, seed: 'seven' }, 'body'));

    expect(error.code).toBe('invalid_request');
    expect(error.param).toBe('/seed');
    expect(error.message).toContain('expected a number');
    expect(error.message).toContain('got "seven"');
  });

  it('says that a required field is missing', () => {
    const error = errorOf(() => parseAs(createJobSchema, { ...job, dataset: undefined }, 'body'));

    expect(error.param).toBe('/dataset');
    expect(error.message).toContain('it is missing');
  });

  it('finds the branch of a union that was meant', () => {
    const error = errorOf(() => parseAs(createJobSchema, { ...job, validation: { fraction: 2 } }, 'body'));

    expect(error.param).toMatch(/^\/validation/);
  });

  it('refuses data of another format than the one named', () => {
    const error = errorOf(() => parseAs(createDatasetSchema, { name: 'd', format: 'csv', rows: [{ a: 1 }] }, 'body'));

    expect(error.param).toBe('/rows');
    expect(error.message).toContain('takes its data in "csv"');
  });

  it('refuses images without labels', () => {
    const error = errorOf(() => parseAs(createDatasetSchema, { name: 'd', format: 'idx', images: 'AAAA' }, 'body'));

    expect(error.param).toBe('/labels');
    expect(error.message).toContain('images came without labels');
  });

  it('does not repeat a long value', () => {
    const error = errorOf(() => parseAs(createJobSchema, { ...job, seed: 'x'.repeat(10_000) }, 'body'));

    expect(error.message.length).toBeLessThan(300);
  });

  const grid = (parameters: object, rest: object = {}) => ({ sweep: { strategy: 'grid', parameters, ...rest } });

  it.each([
    [{ budget: { max_secs: 5 } }, 'unknown_field', '/budget/max_secs', 'unknown field "max_secs"'],
    [{ budget: {} }, 'invalid_request', '/budget', 'it is empty'],
    [{ budget: { max_seconds: 1e99 } }, 'invalid_request', '/budget/max_seconds', 'a number of at most 2592000;'],
    [{ budget: { max_seconds: -1e99 } }, 'invalid_request', '/budget/max_seconds', 'a number of at least 1;'],
    [{ seed: 1e99 }, 'invalid_request', '/seed', 'at most 4294967295;'],
    [grid({ 'a..b': [1] }), 'invalid_request', '/sweep/parameters/a..b', 'expected a path below params, such as'],
    [grid({ a: [1] }, { factor: 2 }), 'invalid_request', '/sweep/factor', 'is for the strategy halving, not for grid'],
    [grid({ a: [1, 2, 1] }), 'invalid_request', '/sweep/parameters/a/2', '1 stands twice'],
    [grid({ a: [[1], [1]] }), 'invalid_request', '/sweep/parameters/a/1', '[1] stands twice'],
    [grid({ 'a.b': [1], a: [2] }), 'invalid_request', '/sweep/parameters/a.b', 'lies below "a", which is varied too'],
  ])('says what is wrong with %j, and where', (body, code, param, message) => {
    const error = errorOf(() => parseAs(createJobSchema, { ...job, ...body }, 'body'));

    expect(error).toMatchObject({ code, param });
    expect(error.message).toContain(`${param}: `);
    expect(error.message).toContain(message);
  });

  it('keeps __proto__ a field like any other', () => {
    const error = errorOf(() => parseAs(createJobSchema, parseJson('{"__proto__": {"polluted": 1}}'), 'body'));

    expect(error).toBeInstanceOf(ServiceError);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('parameters of a family', () => {
  it('of a wrong optimizer name the optimizers there are', () => {
    const cnn = FAMILIES.find(({ name }) => name === 'cnn')!;
    const params = { layers: [{ flatten: {} }, { dense: { units: 2 } }], optimizer: { rmsprop: {} } };

    const error = errorOf(() => parseParams(cnn, params));

    expect(error.param).toMatch(/^\/params\/optimizer/);
    for (const name of ['sgd', 'momentum', 'adam', 'adamw']) expect(error.message).toContain(name);
  });
});
