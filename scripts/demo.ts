/**
 * npm run demo: the main job on real data. Starts a local cloud of its own, makes a tenant, uploads 10,000 handwritten digits,
 * trains the reference CNN over HTTPS, and predicts with it. Leaves nothing running, however it ends.
 */
import { rmSync } from 'node:fs';
import { Presets, SingleBar } from 'cli-progress';
import pc from 'picocolors';
import { ApiClient } from '../cli/client.ts';
import type { Job } from '../cli/resources.ts';
import { drawDigit, loadDigits, toIdx } from './digits.ts';
import type { Digits } from './digits.ts';
import { uploadIdx } from './idx-dataset.ts';
import { buildIfStale, keyOfTenant, startTenon } from './local.ts';
import { REFERENCE_LAYERS } from './reference-cnn.ts';

const REFERENCE_CNN = {
  layers: REFERENCE_LAYERS,
  optimizer: { adam: { learning_rate: 0.001 } },
  loss: 'sparse_categorical_crossentropy',
  epochs: 10,
  batch_size: 32,
};

const DATA_DIR = `.tenon/demo-${process.pid}`;
const BATCH = 250;
const SETTLED_MS = 10_000;

const say = (line: string): void => console.log(`${pc.cyan('>')} ${line}`);

buildIfStale(say);
say('starting the local cloud: API Gateway, Lambda, S3 and DynamoDB on this machine');
const cloud = await startTenon({ dataDir: DATA_DIR });
const cleanUp = async (): Promise<void> => {
  await cloud.stop();
  rmSync(DATA_DIR, { recursive: true, force: true });
};
/** Set by a signal, at any moment of the demo. */
const interruption = { isSet: false };
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interruption.isSet) return;
    interruption.isSet = true;
    void cleanUp().then(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  });
}
try {
  await demo();
} catch (error) {
  if (!interruption.isSet) {
    console.error(pc.red(error instanceof Error ? error.message : String(error)));
    process.exitCode = 1;
  }
} finally {
  if (!interruption.isSet) await cleanUp();
}

async function demo(): Promise<void> {
  const api = new ApiClient(cloud.apiUrl, await keyOfTenant(cloud.lambdaUrl, 'demo', 'standard'));
  const { train, test } = loadDigits();
  say(
    `uploading ${train.images.length + test.images.length} handwritten digits: ${train.images.length} to train, ${test.images.length} to test`,
  );
  const [trainSet, testSet] = [
    await uploadIdx(api, 'digits-train', toIdx(train)),
    await uploadIdx(api, 'digits-test', toIdx(test)),
  ];

  say(
    'training the reference CNN (121,930 parameters, 10 epochs) on ONNX Runtime in a Lambda function; after each epoch it reads the test digits',
  );
  const { id } = await api.call<Job>('createJob', {
    body: {
      name: 'digits',
      task: 'classification',
      family: 'cnn',
      dataset: trainSet.id,
      target: 'label',
      features: ['image'],
      params: REFERENCE_CNN,
      validation: { dataset: testSet.id },
      seed: 0,
    },
  });
  const job = await follow(api, id);
  if (job.status !== 'succeeded' || job.model === undefined)
    throw new Error(`the job ${job.status}: ${job.error?.message ?? ''}`);

  const before = (await usageOfToday(api)).predictions;
  const predictions = await predictAll(api, job.model.name, test);
  const hits = predictions.filter(({ label }, i) => Number(label) === test.labels[i]).length;
  console.log(
    `\ntest accuracy ${(hits / test.labels.length).toFixed(4)} (${hits} of ${test.labels.length}, predicted over HTTPS by ${job.model.name}:${job.model.version})\n`,
  );
  drawThree(test, predictions);

  const { seconds, gb_seconds: gbSeconds, usd } = job.usage;
  console.log(
    `training took ${seconds.toFixed(1)} s = ${gbSeconds.toFixed(1)} GB-seconds; on Lambda it would have cost $${usd.toFixed(6)}`,
  );
  const usage = await settledUsage(api, before + predictions.length);
  console.log(
    `usage of the day: ${usage.predictions} predictions in ${usage.requests} requests, $${usage.usd.toFixed(6)} with the training`,
  );
}

interface Prediction {
  readonly label: number | string;
  readonly probabilities: Readonly<Record<string, number>>;
}

interface DayUsage {
  readonly requests: number;
  readonly predictions: number;
  readonly usd: number;
}

async function usageOfToday(api: ApiClient): Promise<DayUsage> {
  const today = new Date().toISOString().slice(0, 10);
  const { data } = await api.call<{ data: DayUsage[] }>('getUsage', { query: { from: today, to: today } });
  return data[0] ?? { requests: 0, predictions: 0, usd: 0 };
}

/** A busy environment writes what it has served about a second later: the usage with all of it, or as it stands when the time is up. */
async function settledUsage(api: ApiClient, predictions: number): Promise<DayUsage> {
  const untilMs = Date.now() + SETTLED_MS;
  return api.until(
    () => usageOfToday(api),
    (usage) => usage.predictions >= predictions || Date.now() >= untilMs,
  );
}

/** Shows the job's progress until it ends. */
async function follow(api: ApiClient, id: string): Promise<Job> {
  const bar = new SingleBar(
    {
      format: '  {bar} {percentage}% | epoch {epoch} | loss {loss} | validation accuracy {accuracy} | ETA {left}',
      hideCursor: true,
      noTTYOutput: !process.stderr.isTTY,
      notTTYSchedule: 5000,
    },
    Presets.shades_classic,
  );
  const show = { epoch: '0/10', loss: '-', accuracy: '-', left: '-' };
  bar.start(1000, 0, show);
  const job = await api.until(
    async () => {
      const [state, events] = await Promise.all([
        api.call<Job>('getJob', { params: { id } }),
        api.call<{ data: { type: string; data?: Record<string, number> }[] }>('listJobEvents', {
          params: { id },
          query: { limit: 100 },
        }),
      ]);
      const last = events.data.findLast(({ type }) => type === 'metrics')?.data;
      const { epoch = 0, epochs = 10, eta_seconds: left } = state.progress;
      bar.update(Math.round(state.progress.fraction * 1000), {
        epoch: `${Math.floor(epoch)}/${epochs}`,
        loss: last?.['loss']?.toFixed(4) ?? '-',
        accuracy: last?.['validation_accuracy']?.toFixed(4) ?? '-',
        left: left === undefined ? '-' : `${Math.ceil(left)} s`,
      });
      return state;
    },
    ({ status }) => status !== 'queued' && status !== 'running',
  );
  bar.stop();
  return job;
}

async function predictAll(api: ApiClient, model: string, { images }: Digits): Promise<Prediction[]> {
  const predictions: Prediction[] = [];
  for (let at = 0; at < images.length; at += BATCH) {
    const instances = images.slice(at, at + BATCH).map((image) => toRows(image));
    predictions.push(
      ...(await api.call<{ predictions: Prediction[] }>('predict', { params: { ref: model }, body: { instances } }))
        .predictions,
    );
  }
  return predictions;
}

function toRows(image: Uint8Array): number[][] {
  return Array.from({ length: 28 }, (_, y) => [...image.subarray(y * 28, (y + 1) * 28)]);
}

/** Three test digits with what the model says of them: the two it is surest of being different, and the one it doubts most. */
function drawThree(test: Digits, predictions: readonly Prediction[]): void {
  const confidence = ({ probabilities }: Prediction): number => Math.max(...Object.values(probabilities));
  const doubtful = predictions.reduce(
    (worst, p, i) => (confidence(p) < confidence(predictions[worst]!) ? i : worst),
    0,
  );
  for (const i of [150, 1200, doubtful]) {
    const prediction = predictions[i]!;
    const [first, second] = Object.entries(prediction.probabilities).sort(([, a], [, b]) => b - a);
    const words = [
      `it is a ${test.labels[i]}`,
      pc.bold(`predicted ${prediction.label}`),
      ...[first, second].map((entry) => (entry === undefined ? '' : `${entry[0]}: ${(entry[1] * 100).toFixed(2)} %`)),
    ];
    const lines = drawDigit(test.images[i]!, process.stdout.isTTY && pc.isColorSupported);
    lines.forEach((line, row) => console.log(`  ${line}   ${words[row - 4] ?? ''}`));
    console.log('');
  }
}
