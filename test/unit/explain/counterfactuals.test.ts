/** Counterfactuals: what the model confirms, that nothing smaller exists where that is claimed, and what is said where it is not known. */
import { describe, expect, test } from '@jest/globals';
import { readRows } from '../../../shared/data/jsonl.ts';
import type { Table } from '../../../shared/data/table.ts';
import { sampleBackground } from '../../../shared/explain/background.ts';
import type { StoredBackground } from '../../../shared/explain/background.ts';
import { Explainer } from '../../../shared/explain/explainer.ts';
import { loadPredictor } from '../../../shared/runtime/predictor.ts';
import type { ClassPrediction } from '../../../shared/runtime/predictor.ts';
import { Random } from '../../../shared/tensor/random.ts';
import { train } from '../../conformance/families/train.ts';
import { instancesOf } from './instances.ts';
import { iris, takeRows, wine } from '../../fixtures/data-sets.ts';

type Instance = Record<string, number | string>;

interface Model {
  readonly explainer: Explainer;
  readonly stored: StoredBackground;
  readonly labelsOf: (rows: readonly Instance[]) => Promise<string[]>;
  /** ln p / (1 - p) of a class. */
  readonly logOdds: (rows: readonly Instance[], label: string) => Promise<number[]>;
}

async function modelOf(table: Table, family: string, target: string, params = {}): Promise<Model> {
  const spec = { task: 'classification', family, target, params, validation: { fraction: 0 } } as const;
  const { exported } = await train({ spec, train: table });
  const { encodings, trainRows, problem } = exported.prepared;
  const stored = sampleBackground({ encodings, ...trainRows, x: problem.train.x, seed: 0 });
  const explainer = new Explainer(exported.onnx, { threads: 1, stored });
  const predictor = await loadPredictor(exported.onnx, { threads: 1 });
  const predict = async (rows: readonly Instance[]) => (await predictor.predict(rows)) as ClassPrediction[];
  return {
    explainer,
    stored,
    labelsOf: async (rows) => (await predict(rows)).map(({ label }) => String(label)),
    logOdds: async (rows, label) =>
      (await predict(rows)).map(({ probabilities }) => Math.log(probabilities![label]! / (1 - probabilities![label]!))),
  };
}

function rangesOf({ rows, features }: StoredBackground): Record<string, [number, number]> {
  return Object.fromEntries(
    features.map(({ name }) => {
      const values = (rows as Instance[]).map((row) => Number(row[name]));
      return [name, [Math.min(...values), Math.max(...values)]];
    }),
  );
}

describe('counterfactuals of a linear model', () => {
  const flowers = takeRows(
    iris(),
    Array.from({ length: 100 }, (_, row) => 50 + row),
  );

  test('are the smallest: of numbers within their ranges, the one that gains most for its range is moved', async () => {
    const { explainer, stored, logOdds } = await modelOf(flowers, 'logistic_regression', 'species');
    const names = stored.features.map(({ name }) => name);
    const [x] = stored.rows as Instance[];
    const [low, high] = [0, 1].map((end) =>
      Object.fromEntries(names.map((name) => [name, rangesOf(stored)[name]![end]!])),
    ) as [Instance, Instance];
    const [lead] = (await logOdds([x!], 'virginica')) as [number];
    const gains = await Promise.all(
      names.map(async (name) => {
        const [at0, at1] = await logOdds(
          [
            { ...x!, [name]: low[name]! },
            { ...x!, [name]: high[name]! },
          ],
          'virginica',
        );
        return Math.abs(at1! - at0!);
      }),
    );

    const [row] = await explainer.counterfactuals({ instances: [x] });
    await explainer.release();

    const { changes, distance, minimality } = row!.counterfactual!;
    const fastest = names[gains.indexOf(Math.max(...gains))]!;
    expect(minimality).toMatchObject({ proven: true, by: 'closed_form' });
    expect(Object.keys(changes)).toContain(fastest);
    expect(distance).toBeGreaterThanOrEqual(Math.abs(lead) / Math.max(...gains) - 1e-6);
  });

  test('have nothing nearer among 20,000 random changes', async () => {
    const { explainer, stored, labelsOf } = await modelOf(await wine(), 'logistic_regression', 'class');
    const ranges = rangesOf(stored);
    const names = Object.keys(ranges).filter((name) => name !== 'magnesium' && name !== 'proline');
    const [x] = stored.rows as Instance[];
    const [row] = await explainer.counterfactuals({ instances: [x], immovable: ['magnesium', 'proline'] });
    await explainer.release();
    const { distance, predicted, minimality } = row!.counterfactual!;
    const [own] = await labelsOf([x!]);
    const random = Random.fromSeed(9);
    const nearby = Array.from({ length: 20_000 }, () => {
      // A direction of a few features, as far as 99.8 % of the distance.
      const picked = names.filter(() => random.nextDouble() < 2 / names.length);
      const shares = picked.map(() => random.nextDouble());
      const total = shares.reduce((sum, share) => sum + share, 0) || 1;
      const moved = picked.map((name, i) => {
        const [low, high] = ranges[name]!;
        const step = ((0.998 * distance * shares[i]!) / total) * (high - low) * (random.nextDouble() < 0.5 ? -1 : 1);
        return [name, Math.min(high, Math.max(low, Number(x![name]) + step))];
      });
      return { ...x!, ...(Object.fromEntries(moved) as Instance) };
    });

    expect(minimality.proven).toBe(true);
    expect(predicted).not.toBe(own);
    expect(new Set(await labelsOf(nearby))).toEqual(new Set([own]));
  });

  test('say so where no change at all gives another class', async () => {
    const { explainer, stored } = await modelOf(flowers, 'logistic_regression', 'species');
    const extreme = Object.fromEntries(stored.features.map(({ name }) => [name, rangesOf(stored)[name]![1]]));
    const [row] = await explainer.counterfactuals({ instances: [extreme], allowed: ['sepal_length'] });
    await explainer.release();

    expect(row!.counterfactual).toBeUndefined();
    expect(row!.note).toContain('there is no change');
  });

  test('say so where the class asked for is the answer already', async () => {
    const { explainer, stored, labelsOf } = await modelOf(flowers, 'logistic_regression', 'species');
    const instances = stored.rows.slice(0, 5) as Instance[];
    const labels = await labelsOf(instances);

    for (const [i, label] of labels.entries()) {
      const [row] = await explainer.counterfactuals({ instances: [instances[i]], target: label });
      expect(row!.counterfactual).toBeUndefined();
      expect(row!.note).toContain(`the answer is "${label}" already`);
    }
    const immovable = stored.features.map(({ name }) => name);
    const other = labels[0] === 'virginica' ? 'versicolor' : 'virginica';
    const [held] = await explainer.counterfactuals({ instances: [instances[0]], target: other, immovable });
    await explainer.release();
    expect(held!.note).toMatch(new RegExp(`no change .* gives? the class "${other}"`));
  });
});

describe('counterfactuals of a linear model of three classes', () => {
  test('are the answer of the model however rows are put together, not a tie that rounding decides', async () => {
    const { explainer, labelsOf, logOdds } = await modelOf(iris(), 'logistic_regression', 'species');
    const instances = instancesOf(
      iris(),
      Array.from({ length: 50 }, (_, row) => 3 * row),
      'species',
    );
    const rows = await explainer.counterfactuals({ instances, maxSeconds: 60 });
    await explainer.release();

    const own = await labelsOf(instances as Instance[]);
    for (const [i, { counterfactual }] of rows.entries()) {
      const { instance, predicted } = counterfactual!;
      const [lead] = await logOdds([instance as Instance], String(predicted));
      const [left] = await logOdds([instance as Instance], own[i]!);
      expect(lead! - left!).toBeGreaterThan(1e-10);
    }
  });
});

describe('counterfactuals of another model', () => {
  test('have nothing nearer among one or two values of the sample, which is said', async () => {
    const { explainer, stored, labelsOf } = await modelOf(iris(), 'svm', 'species');
    const [x] = stored.rows as Instance[];
    const names = stored.features.map(({ name }) => name);
    const ranges = rangesOf(stored);
    const [row] = await explainer.counterfactuals({ instances: [x], maxSeconds: 60 });
    await explainer.release();
    const { distance, minimality } = row!.counterfactual!;
    const [own] = await labelsOf([x!]);
    const far = (name: string, value: number): number =>
      Math.abs(value - Number(x![name])) / (ranges[name]![1] - ranges[name]![0]);
    const nearer = names.flatMap((a) =>
      names.flatMap((b) =>
        (stored.rows as Instance[]).flatMap((p) =>
          (stored.rows as Instance[]).flatMap((q) => {
            const [u, v] = [Number(p[a]), Number(q[b])];
            return a < b && far(a, u) + far(b, v) < distance - 1e-9 ? [{ ...x!, [a]: u, [b]: v }] : [];
          }),
        ),
      ),
    );

    expect(minimality).toMatchObject({
      proven: false,
      by: 'all_pairs',
      statement: expect.stringContaining('one feature or of two'),
    });
    expect(nearer.length).toBeGreaterThan(10);
    expect(new Set(await labelsOf(nearer))).toEqual(new Set([own]));
  });

  test('say that they were searched where the time was over', async () => {
    const { explainer, stored } = await modelOf(await wine(), 'svm', 'class');
    const [row] = await explainer.counterfactuals({ instances: [stored.rows[0]], maxSeconds: 1e-6 });
    await explainer.release();

    expect(row!.counterfactual?.minimality.by ?? row!.note).toMatch(/search|no change/);
  });
});

describe('counterfactuals of loans', () => {
  const loans = readRows(
    Array.from({ length: 200 }, (_, i) => {
      const income = (i * 37) % 100;
      return {
        income: income + 0.5,
        age: 20 + ((i * 17) % 50),
        sex: i % 4 === 0 ? 'f' : 'm',
        granted: income > 50 ? 'yes' : 'no',
      };
    }),
  );

  test('change what decides, up to where the answer turns, and leave alone what must not move', async () => {
    const { explainer, labelsOf } = await modelOf(loans, 'svm', 'granted', { kernel: 'rbf' });
    const x = { income: 40, age: 30, sex: 'f' };
    const [row] = await explainer.counterfactuals({ instances: [x], immovable: ['age', 'sex'] });
    const [none] = await explainer.counterfactuals({
      instances: [{ income: 2, age: 30, sex: 'f' }],
      immovable: ['income'],
    });
    const { changes, instance } = row!.counterfactual!;
    const { to } = changes['income'] as { to: number };
    const around = await labelsOf([{ ...x, income: to - 0.01 }, instance as Instance]);
    const unknown = explainer.counterfactuals({ instances: [x], immovable: ['height'] });

    expect(Object.keys(changes)).toEqual(['income']);
    expect(around).toEqual(['no', 'yes']);
    expect(Math.abs(to - 51)).toBeLessThan(6);
    expect(none).toMatchObject({ target: 'no', attributions: {}, note: expect.stringContaining('no change') });
    await expect(unknown).rejects.toMatchObject({ param: '/immovable/0' });
    await explainer.release();
  });
});

describe('counterfactuals of dates', () => {
  const day = (i: number): string => new Date(Date.UTC(2026, 0, 1 + i, (i * 7) % 24, 30)).toISOString();
  const orders = readRows(
    Array.from({ length: 120 }, (_, i) => ({ ordered: day(i), amount: (i * 37) % 50, late: i < 60 ? 'no' : 'yes' })),
  );
  // The same moment, and the next one that the form can tell apart, 60 s x minutes later.
  const forms: [sent: string | number, wanted: RegExp, unitS: number, write: (at: Date) => string | number][] = [
    ['2026-02-10', /^2026-\d\d-\d\d$/, 86_400, (at) => at.toISOString().slice(0, 10)],
    ['2026-02-10 00:00', /^2026-\d\d-\d\d \d\d:\d\d$/, 60, (at) => at.toISOString().slice(0, 16).replace('T', ' ')],
    ['2026-02-10T00:00:00Z', /^2026-\d\d-\d\dT[\d:]{8}Z$/, 1, (at) => `${at.toISOString().slice(0, 19)}Z`],
    [
      '2026-02-10T02:00:00.000+02:00',
      /^2026-\d\d-\d\dT[\d:]{8}\.000\+02:00$/,
      1,
      (at) => new Date(at.getTime() + 7_200_000).toISOString().replace('Z', '+02:00'),
    ],
    [Date.UTC(2026, 1, 10) / 1000, /^\d{10}$/, 1, (at) => at.getTime() / 1000],
  ];

  test('come back in the form in which they were sent, and no moment that it can tell apart is nearer', async () => {
    const { explainer, labelsOf } = await modelOf(orders, 'svm', 'late', { kernel: 'rbf', C: 10 });
    for (const [ordered, wanted, unitS, write] of forms) {
      const [row] = await explainer.counterfactuals({ instances: [{ ordered, amount: 20 }], immovable: ['amount'] });
      const { changes, instance } = row!.counterfactual!;
      const to = changes['ordered']!.to as string | number;
      const moved = new Date(typeof to === 'number' ? to * 1000 : to.includes(' ') || to.length === 10 ? `${to}Z` : to);
      const before = write(new Date(moved.getTime() - unitS * 1000));

      expect(changes['ordered']!.from).toBe(ordered);
      expect(String(to)).toMatch(wanted);
      expect(instance).toEqual({ ordered: to, amount: 20 });
      expect(await labelsOf([instance as Instance, { ordered: before, amount: 20 }])).toEqual(['yes', 'no']);
    }
    await explainer.release();
  });

  test('that do not move are as they were sent, and those that were missing are to the second', async () => {
    const rows = Array.from({ length: 120 }, (_, i) => ({
      ordered: i % 10 === 9 ? null : day(i),
      amount: (i * 37) % 50,
      late: (i * 37) % 50 < 25 ? 'no' : 'yes',
    }));
    const { explainer } = await modelOf(readRows(rows), 'svm', 'late', { kernel: 'rbf' });
    const [still] = await explainer.counterfactuals({
      instances: [{ ordered: ' 2026-03-01 ', amount: 20 }],
      allowed: ['amount'],
    });
    await explainer.release();
    const gaps = await modelOf(
      readRows(rows.map(({ ordered, amount }, i) => ({ ordered, amount, late: i < 60 ? 'no' : 'yes' }))),
      'svm',
      'late',
      { kernel: 'rbf', C: 10 },
    );
    const missing = { ordered: null, amount: 20 } as unknown as Instance;
    const [own] = await gaps.labelsOf([missing]);
    const [found] = await gaps.explainer.counterfactuals({ instances: [missing], immovable: ['amount'] });
    await gaps.explainer.release();

    expect(still!.counterfactual!.instance['ordered']).toBe(' 2026-03-01 ');
    expect(Object.keys(still!.counterfactual!.changes)).toEqual(['amount']);
    expect(found!.counterfactual!.changes['ordered']).toEqual({
      from: null,
      to: expect.stringMatching(/^2026-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    expect(found!.counterfactual!.predicted).not.toBe(own);
  });
});
