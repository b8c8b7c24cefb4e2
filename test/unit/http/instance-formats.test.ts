/** Every form of a prediction request says the same rows. Forms: MLflow's documentation of /invocations, KServe V1, CSV. */
import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '../../../shared/errors.ts';
import { readInstances } from '../../../shared/http/inference/instance-formats.ts';
import type { FeatureSchema } from '../../../shared/runtime/model-schema.ts';

const features: FeatureSchema[] = [
  { name: 'area', type: 'number', required: false },
  { name: 'kind', type: 'category', required: false },
  { name: 'new', type: 'boolean', required: false },
];
const tensor: FeatureSchema[] = [{ name: 'image', type: 'tensor', required: true, shape: [2] }];
const rows = [
  { area: 1.5, kind: 'a,b', new: true },
  { area: null, kind: '007', new: false },
];

const read = (body: unknown, of = features) => readInstances(Buffer.from(JSON.stringify(body)), undefined, of);
const readCsv = (text: string) => readInstances(Buffer.from(text), 'text/csv; charset=utf-8', features);

async function failure(act: () => Promise<unknown>): Promise<ServiceError> {
  try {
    await act();
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the same rows', () => {
  const values = [
    [1.5, 'a,b', true],
    [null, '007', false],
  ];
  const reordered = [
    ['a,b', true, 1.5],
    ['007', false, null],
  ];

  it.each<[string, unknown]>([
    ['instances of objects', { instances: rows }],
    ['instances of values in the order of the features', { instances: values }],
    ['inputs of objects', { inputs: rows }],
    ['inputs by column', { inputs: { area: [1.5, null], kind: ['a,b', '007'], new: [true, false] } }],
    ['dataframe_records', { dataframe_records: rows, params: {} }],
    ['dataframe_split', { dataframe_split: { columns: ['kind', 'new', 'area'], index: [0, 1], data: reordered } }],
    ['dataframe_split without columns', { dataframe_split: { data: values } }],
  ])('are read from %s', async (_, body) => {
    expect(await read(body)).toEqual(rows);
  });

  it.each<[string, string]>([
    ['with a header', 'area,kind,new\n1.5,"a,b",true\n,007,FALSE\n'],
    ['with a header in another order', 'new,area,kind\r\ntrue,1.5,"a,b"\r\nfalse,NA,007\r\n'],
    ['without a header', '1.5,"a,b",true\n,007,false\n'],
  ])('are read from CSV %s', async (_, text) => {
    expect(await readCsv(text)).toEqual(rows);
  });
});

describe('cells of CSV', () => {
  it('are numbers for integer columns too', async () => {
    const integers: FeatureSchema[] = [{ name: 'rooms', type: 'integer', required: true }];

    expect(await readInstances(Buffer.from('rooms\n3\n'), 'text/csv', integers)).toEqual([{ rooms: 3 }]);
  });
});

describe('the values of one tensor', () => {
  it('are bare or by name', async () => {
    expect(await read({ instances: [[1, 2]] }, tensor)).toEqual([[1, 2]]);
    expect(await read({ inputs: { image: [[1, 2]] } }, tensor)).toEqual([{ image: [1, 2] }]);
  });
});

describe('what cannot be read is refused', () => {
  it.each<[string, unknown, RegExp]>([
    ['no form', {}, /exactly one of dataframe_split, dataframe_records, instances, inputs, got none/],
    ['two forms', { instances: rows, inputs: rows }, /exactly one of .* got instances, inputs/],
    ['an unknown one', { rows }, /got rows/],
    ['no object', [1], /body: expected an object/],
    ['no rows', { instances: [] }, /expected at least one instance, got none/],
    [
      'a short row',
      { instances: [[1, 'a']] },
      /\/instances\/0: expected the 3 values of area, kind, new, got \[1,"a"\]/,
    ],
    ['columns of two lengths', { inputs: { area: [1], kind: [] } }, /columns of one length/],
    ['no list', { dataframe_records: 5 }, /\/dataframe_records: expected a list, got 5/],
    ['no data', { dataframe_split: { columns: ['area'] } }, /\/dataframe_split\/data: expected a list of rows/],
    ['params', { instances: rows, params: { top_k: 3 } }, /the models take no params/],
  ])('%s', async (_, body, message) => {
    expect((await failure(() => read(body))).message).toMatch(message);
  });

  it('broken CSV', async () => {
    expect((await failure(() => readCsv('area,kind,new\n1,"a,true\n'))).message).toMatch(/no valid CSV/);
    expect((await failure(() => readCsv('area,kind,new\n1,a\n'))).message).toMatch(/expected the 3 values/);
  });
});
