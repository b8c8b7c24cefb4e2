/** What every family owes its callers, whatever it computes: one suite over the cases of cases.ts. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { cellValue } from '../../../shared/data/columns.ts';
import type { Column, Table } from '../../../shared/data/table.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import type { ClassPrediction } from '../../../shared/runtime/predictor.ts';
import { exportModel, runSegment } from '../../../shared/runtime/trainer.ts';
import { takeRows } from '../../fixtures/data-sets.ts';
import type { FamilyCase } from './family-case.ts';
import { train, trainInSegments } from './train.ts';

const ROWS = 240;

function instancesOf({ task, spec }: FamilyCase, table: Table, rows: number): Record<string, unknown>[] {
  if (task === 'language_modelling')
    return Array.from({ length: rows }, (_, row) => ({ text: 'the cat '.slice(row % 7) }));
  if (task === 'forecasting') {
    const window = spec.params!['window'] as number;
    const series = Array.from(table.columns[0]!.values as Float64Array);
    return Array.from({ length: rows }, (_, row) => ({ y: series.slice(row, row + window) }));
  }
  const features = table.columns.filter(({ name }) => name !== 'y');
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(features.map((column) => [column.name, cellValue(column, row)])),
  );
}

/** In nats a character. */
function characterEntropy({ columns, rows }: Table): number {
  const text = Array.from({ length: rows }, (_, row) => cellValue(columns[0]!, row)).join('\n');
  const counts = [...Map.groupBy(text, (character) => character).values()].map((group) => group.length / text.length);
  return -counts.reduce((sum, share) => sum + share * Math.log(share), 0);
}

/** The table with another column in place of one. */
function withColumn(table: Table, column: Column): Table {
  const others = table.columns.filter(({ name }) => name !== column.name);
  return { rows: table.rows, columns: [column, ...others] };
}

export function checkFamily(subject: FamilyCase): void {
  const { spec, task } = subject;
  const table = subject.table(ROWS);

  test('predicts one answer per instance, in the shape of its task', async () => {
    const { exported } = await train({ spec, train: table });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });
    const predictions = await predictor.predict(instancesOf(subject, table, 7));
    await predictor.release();

    expect(predictions).toHaveLength(7);
    for (const prediction of predictions) {
      if (task === 'regression') {
        expect(prediction).toEqual(expect.any(Number));
        continue;
      }
      if (task === 'forecasting') {
        const { horizon = 1 } = spec.params as { horizon?: number };
        const list = horizon === 1 ? [prediction] : prediction;
        expect(list).toEqual(Array(horizon).fill(expect.any(Number)));
        continue;
      }
      if (task === 'language_modelling') {
        expect(prediction).toEqual({ text: expect.stringMatching(/^[^]{100}$/) });
        continue;
      }
      if (task === 'clustering') {
        expect(prediction).toEqual({ cluster: expect.any(Number), distance: expect.any(Number) });
        continue;
      }
      const { label, probabilities, scores } = prediction as ClassPrediction;
      const figures = (probabilities ?? scores)!;
      const values = Object.values(figures);
      expect(Object.keys(figures)).toEqual(predictor.schema.classes!.map(String));
      expect(figures[String(label)]).toBe(Math.max(...values));
      if (probabilities !== undefined) expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
    }
  });

  test('beats the baseline that knows only the target', async () => {
    const { exported } = await train({ spec, train: table });

    if (task === 'clustering') {
      const one = await train({ spec: { ...spec, params: { n_clusters: 1 } }, train: table });
      const baseline = one.exported.metrics.validation['inertia']!;
      expect(exported.metrics.validation['inertia']).toBeLessThan(0.75 * baseline);
    } else if (task === 'language_modelling') {
      // A model that knows how often each character stands in the text, and nothing else.
      expect(exported.metrics.validation['loss']).toBeLessThan(0.9 * characterEntropy(table));
    } else if (task !== 'classification') expect(exported.metrics.validation['r2']).toBeGreaterThan(0.5);
    else expect(exported.metrics.validation['accuracy']).toBeGreaterThan(0.75);
    expect(Object.keys(exported.metrics.train)).toEqual(Object.keys(exported.metrics.validation));
  });

  test('exports a file that predicts what the trainer predicts, and the same bytes each time', async () => {
    const { result, exported } = await train({ spec, train: table });
    const again = await exportModel({ spec, train: table, checkpoint: result.checkpoint, threads: 1 });

    expect(exported.equality.max_difference).toBeLessThanOrEqual(1e-5);
    expect(exported.equality.rows).toBeGreaterThan(100);
    expect(Buffer.compare(exported.onnx, again.onnx)).toBe(0);
  });

  test('predicts the same from a file on disk as from bytes', async () => {
    const { exported } = await train({ spec, train: table });
    const folder = await mkdtemp(join(tmpdir(), 'family-'));
    await writeFile(join(folder, 'model.onnx'), exported.onnx);

    const answers = [];
    for (const model of [exported.onnx, join(folder, 'model.onnx')]) {
      const predictor = await loadPredictor(model, { threads: 1 });
      answers.push(await predictor.predict(instancesOf(subject, table, 20)));
      await predictor.release();
    }
    await rm(folder, { recursive: true });

    expect(answers[0]).toEqual(answers[1]);
  });

  test('gives the same bytes for the same seed', async () => {
    const [first, second] = [await train({ spec, train: table }), await train({ spec, train: table })];

    expect(Buffer.compare(first.result.checkpoint, second.result.checkpoint)).toBe(0);
  });

  test('gives the same bytes however it is cut', async () => {
    const whole = await trainInSegments({ spec, train: table }, []);
    for (const cuts of [[1], [2, 1, 3], [1, 1, 1, 1, 1, 1], [5, 8]]) {
      const cut = await trainInSegments({ spec, train: table }, cuts);

      expect(Buffer.compare(cut.checkpoint, whole.checkpoint)).toBe(0);
      expect(cut.metrics).toEqual(whole.metrics);
    }
  });

  test('keeps to the thread count of its first segment', async () => {
    const first = await runSegment({ spec, train: table, threads: 1, shouldStop: () => true });
    const rest = await runSegment({
      spec,
      train: table,
      checkpoint: first.checkpoint,
      threads: 2,
      shouldStop: () => false,
    });
    const whole = await trainInSegments({ spec, train: table, threads: 1 }, []);

    expect(Buffer.compare(rest.checkpoint, whole.checkpoint)).toBe(0);
  });

  test('refuses a torn checkpoint and the checkpoint of another training', async () => {
    const { checkpoint } = await runSegment({ spec, train: table, threads: 1, shouldStop: () => true });
    const torn = checkpoint.subarray(0, checkpoint.length - 5);
    const resume = (bytes: Uint8Array, seed = 3) =>
      runSegment({ spec: { ...spec, seed }, train: table, checkpoint: bytes, threads: 1, shouldStop: () => false });

    await expect(resume(torn)).rejects.toThrow(/checkpoint is torn/);
    await expect(resume(checkpoint, 4)).rejects.toThrow(/belongs to another training/);
  });

  test('says how far it is, ends at 1 and reports figures that are finite', async () => {
    const { result, events } = await train({ spec, train: table });
    const fractions = events.map(({ progress }) => progress.fraction);
    const figures = events.flatMap((event) => (event.type === 'metrics' ? Object.values(event.data) : []));

    expect(result.progress.fraction).toBe(1);
    expect(fractions.every((fraction, i) => fraction >= (fractions[i - 1] ?? 0) && fraction <= 1)).toBe(true);
    expect(figures.length).toBeGreaterThan(0);
    expect(figures.every((figure) => Number.isFinite(figure))).toBe(true);
  });

  const isText = ['text', 'category'].includes(table.columns[0]!.type);
  (isText ? test.skip : test)('refuses numbers that are not finite', async () => {
    const column = table.columns[0]!;
    const values =
      column.type === 'tensor' ? Float32Array.from(column.values) : (column.values as Float64Array).slice();
    values[3 * (values.length / ROWS)] = Infinity;

    const training = train({ spec, train: withColumn(table, { ...column, values } as Column) });

    await expect(training).rejects.toMatchObject({ code: 'dataset_invalid', details: [{ row: 4 }] });
  });

  if (task === 'classification') checkClassifier(subject);
  else if (task === 'regression') checkRegressor(subject);
  else if (task === 'clustering') checkClustering(subject);
  else if (task === 'language_modelling') checkLanguageModel(subject);
  else checkForecaster(subject);
  if (subject.takesColumns) checkColumns(subject);
}

function checkClassifier({ spec, ...subject }: FamilyCase): void {
  test('refuses a target of one class', async () => {
    const rows = subject.table(40);
    const y = rows.columns.find(({ name }) => name === 'y')!;
    const only = rows.columns[0]!.type === 'tensor' ? 1 : (y.values[0] as number);
    const same = takeRows(
      rows,
      [...rows.columns.at(-1)!.values.keys()].filter((row) => y.values[row] === only),
    );

    await expect(train({ spec, train: same })).rejects.toMatchObject({ code: 'invalid_request', param: '/target' });
    await expect(train({ spec, train: takeRows(rows, [0]) })).rejects.toMatchObject({
      code: 'invalid_request',
      param: '/target',
    });
  });

  test('keeps every class in training when classes are of very different sizes', async () => {
    const rows = subject.table(400);
    const y = rows.columns.find(({ name }) => name === 'y')!;
    const kept = Array.from({ length: 400 }, (_, row) => row);
    const rare = y.values[0] as number;
    let seen = 0;
    const unbalanced = takeRows(
      rows,
      kept.filter((row) => y.values[row] !== rare || ++seen <= 2),
    );

    const { exported } = await train({ spec, train: unbalanced });

    expect(exported.schema.classes).toHaveLength(new Set<unknown>(y.values).size);
    expect(exported.metrics.validation['accuracy']).toBeGreaterThan(0.6);
  });
}

function checkRegressor({ spec, ...subject }: FamilyCase): void {
  test('learns from one row what that row says', async () => {
    const one = takeRows(subject.table(30), [0]);

    const { exported } = await train({ spec: { ...spec, validation: { fraction: 0 } }, train: one });

    expect(Number.isFinite(exported.metrics.train['loss'])).toBe(true);
    expect(exported.metrics.validation).toEqual({});
  });
}

function checkForecaster({ spec, ...subject }: FamilyCase): void {
  test('learns from one window what follows it, and asks for one', async () => {
    const { window, horizon = 1 } = spec.params as { window: number; horizon?: number };
    const shortest = window + horizon;
    const of = (rows: number) => train({ spec: { ...spec, validation: { fraction: 0 } }, train: subject.table(rows) });

    expect(Number.isFinite((await of(shortest)).exported.metrics.train['loss'])).toBe(true);
    await expect(of(shortest - 1)).rejects.toMatchObject({
      code: 'invalid_request',
      param: '/params/window',
      message: expect.stringContaining(`at least ${shortest} rows, the data has ${shortest - 1}`),
    });
  });
}

function checkLanguageModel({ spec, ...subject }: FamilyCase): void {
  test('writes the same text for the same seed, the most probable one at temperature 0, and only what it has read', async () => {
    const table = subject.table(ROWS);
    const { exported } = await train({ spec, train: table });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });
    const write = async (parameters: object): Promise<unknown> => (await predictor.predict(['the '], parameters))[0];
    const known = new Set(predictor.schema.language!.vocabulary);

    const sampled = { max_tokens: 30, temperature: 1.5 };
    const first = await write({ ...sampled, seed: 1 });
    const again = await write({ ...sampled, seed: 1 });
    const other = await write({ ...sampled, seed: 2 });
    const greedy = await write({ max_tokens: 30, temperature: 0 });
    const narrow = await write({ max_tokens: 30, top_k: 1, seed: 5 });
    const [probabilities] = await predictor.nextToken(['the ']);
    await predictor.release();

    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    expect(narrow).toEqual(greedy);
    expect(Array.from((first as { text: string }).text).every((character) => known.has(character))).toBe(true);
    expect(probabilities!.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
    const best = probabilities!.indexOf(Math.max(...probabilities!.slice(2)));
    expect((greedy as { text: string }).text[0]).toBe(predictor.schema.language!.vocabulary[best]);
  });

  test('refuses an empty prompt, and a text too short to learn', async () => {
    const { exported } = await train({ spec, train: subject.table(ROWS) });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });
    const tiny: Table = { rows: 1, columns: [{ name: 'text', type: 'text', values: ['x'] }] };

    await expect(predictor.predict(['fine', ''])).rejects.toMatchObject({
      code: 'invalid_request',
      param: '/instances/1',
    });
    await predictor.release();
    await expect(train({ spec, train: tiny })).rejects.toMatchObject({ code: 'invalid_request', param: '/features/0' });
  });
}

function checkClustering({ spec, ...subject }: FamilyCase): void {
  test('refuses a target', async () => {
    const training = train({ spec: { ...spec, target: 'flag' }, train: subject.table(30) });

    await expect(training).rejects.toMatchObject({ code: 'invalid_request', param: '/target' });
  });

  test('refuses more clusters than rows, and makes one of one row', async () => {
    const one = takeRows(subject.table(30), [0]);
    const alone = { ...spec, validation: { fraction: 0 } };

    await expect(train({ spec: alone, train: one })).rejects.toMatchObject({ param: '/params/n_clusters' });
    const { exported } = await train({ spec: { ...alone, params: { n_clusters: 1 } }, train: one });

    expect(exported.metrics).toEqual({ train: { loss: 0, inertia: 0 }, validation: {} });
    expect(exported.schema.target).toBeUndefined();
  });
}

function checkColumns(subject: FamilyCase): void {
  const { spec } = subject;

  test('takes a constant column, and learns nothing from it', async () => {
    const rows = subject.table(ROWS);
    const constant: Column = { name: 'constant', type: 'number', values: new Float64Array(ROWS).fill(0.1) };

    const plain = await train({ spec, train: rows });
    const padded = await train({ spec, train: { rows: ROWS, columns: [...rows.columns, constant] } });

    expect(padded.exported.metrics.validation['loss']).toBeCloseTo(plain.exported.metrics.validation['loss']!, 2);
  });

  test('fills missing values when it predicts as when it trains', async () => {
    const rows = subject.table(ROWS);
    const { exported } = await train({ spec, train: rows });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });
    const [instance] = instancesOf(subject, rows, 1);

    const predictions = await predictor.predict([
      { ...instance, a: null, b: null, flag: null, color: null },
      { ...instance, color: 'never seen' },
    ]);
    await predictor.release();

    expect(JSON.stringify(predictions)).not.toMatch(/null/);
  });

  test('refuses missing values where the training asked for it', async () => {
    const preprocessing = { standardize: 'auto', missing: 'error', categories: 'one_hot' } as const;

    const training = train({ spec: { ...spec, preprocessing }, train: subject.table(ROWS) });

    await expect(training).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringMatching(/"b" lacks a value in \d+ of/),
    });
  });
}
