/**
 * One tenant's things, made for the attack: a dataset, one that waits for its upload, a job, a model with an alias, a
 * batch, an idempotency key, cursors and presigned URLs. The victim's hold marker bytes that no other tenant may ever see.
 */
import { randomBytes } from 'node:crypto';
import { SPECS } from '../../shared/http/spec/index.ts';
import type { Slots } from './slots.ts';
import { jsonBody } from './wire.ts';
import type { Wire } from './wire.ts';

export interface Things {
  readonly key: string;
  readonly slots: Slots;
  readonly dataset: string;
  readonly job: string;
  readonly batch: string;
  readonly model: string;
  readonly idempotencyKey: string;
  /** Presigned: to PUT the data of the waiting dataset, and to GET the model's file. */
  readonly uploadUrl: string;
  readonly artifactUrl: string;
  /** Read from the URLs, which name it in the path of objects; undefined where they do not. */
  readonly tenantId: string | undefined;
  /** What only the owner may ever read. */
  readonly secrets: readonly string[];
}

interface Made {
  readonly id: string;
  readonly status: string;
  readonly sha256?: string;
  readonly upload?: { readonly url: string };
}

const POLL_MS = 200;
const SETTLE_MS = 180_000;

/** Makes the things with a tenant's key. @throws {Error} where the service does not do its work */
export async function makeThings(wire: Wire, key: string): Promise<Things> {
  const mark = randomBytes(8).toString('hex');
  const marker = `marker-${mark}`;
  const model = `attack-${mark}`;
  const idempotencyKey = `attack-key-${mark}`;
  const made = JSON.parse(
    (
      await wire.send({
        method: 'POST',
        path: '/v1/datasets',
        key,
        ...withKey({ ...SPECS.createDataset.example, name: marker, csv: rowsOf(marker) }, idempotencyKey),
      })
    ).body,
  ) as Made;
  const waiting = await wire.json<Made>(key, 'POST', '/v1/datasets', { name: `waiting-${mark}`, format: 'csv' });
  const dataset = await settled(wire, key, `/v1/datasets/${made.id}`);
  const started = await wire.json<Made>(key, 'POST', '/v1/jobs', {
    ...SPECS.createJob.example,
    name: model,
    dataset: made.id,
  });
  const job = await settled(wire, key, `/v1/jobs/${started.id}`);
  if (dataset.status !== 'ready' || job.status !== 'succeeded')
    throw new Error(`the things to attack could not be made: dataset ${dataset.status}, job ${job.status}`);
  await wire.json(key, 'PUT', `/v1/models/${model}/aliases/live`, { version: 1 });
  const artifact = await wire.json<{ url: string; sha256: string }>(
    key,
    'GET',
    `/v1/models/${model}/versions/1/artifact`,
  );
  const { id: queued } = await wire.json<Made>(key, 'POST', '/v1/batches', {
    model,
    dataset: made.id,
    include: ['kind'],
  });
  const batch = await settled(wire, key, `/v1/batches/${queued}`);
  if (batch.status !== 'succeeded') throw new Error(`the batch to attack ${batch.status}`);
  const uploadUrl = waiting.upload?.url ?? '';
  const tenantId = /\/tenants\/([a-z0-9-]+)\//.exec(uploadUrl)?.[1];
  return {
    key,
    dataset: made.id,
    job: job.id,
    batch: batch.id,
    model,
    idempotencyKey,
    uploadUrl,
    artifactUrl: artifact.url,
    tenantId,
    slots: {
      'datasets/{id}': made.id,
      'jobs/{id}': job.id,
      'batches/{id}': batch.id,
      'models/{name}': model,
      'models/{ref}': model,
      'endpoints/{ref}': model,
      'mlflow/{ref}': model,
      'versions/{version}': '1',
      'aliases/{alias}': 'live',
    },
    secrets: [
      ...[marker, made.id, waiting.id, job.id, batch.id, model, artifact.sha256, dataset.sha256 ?? marker],
      ...(tenantId === undefined ? [] : [`tenants/${tenantId}/`, `TENANT#${tenantId}`]),
    ],
  };
}

/** The dataset, job or batch at the path, once it is settled. */
export async function settled(wire: Wire, key: string, path: string): Promise<Made> {
  for (const endMs = Date.now() + SETTLE_MS; Date.now() < endMs;) {
    const made = await wire.json<Made>(key, 'GET', path);
    if (!['profiling', 'queued', 'running'].includes(made.status)) return made;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`${path} is not settled after ${SETTLE_MS / 1000} s`);
}

/** What the owner sees of the things, to tell whether an attack has changed them. */
export async function portraitOf(wire: Wire, { key, slots, dataset }: Things): Promise<string> {
  const model = `/v1/models/${slots['models/{name}']}`;
  const paths = [
    `/v1/datasets/${dataset}`,
    `/v1/jobs/${slots['jobs/{id}']}`,
    `/v1/jobs/${slots['jobs/{id}']}/events`,
    `/v1/batches/${slots['batches/{id}']}`,
    model,
    `${model}/versions/1`,
    `${model}/versions/1/card`,
  ];
  const parts: unknown[] = [];
  for (const path of paths) parts.push(await wire.json(key, 'GET', path));
  const predictions = await wire.json(key, 'POST', `${model}:predict`, SPECS.predict.example);
  return JSON.stringify([...parts, predictions, await idsOf(wire, key, 'datasets'), await idsOf(wire, key, 'models')]);
}

/** Ids of a tenant's datasets or names of its models, all of them. */
export async function idsOf(wire: Wire, key: string, collection: 'datasets' | 'models'): Promise<string[]> {
  const ids: string[] = [];
  for (let after = '', hasMore = true; hasMore;) {
    const page = await wire.json<{ data: { id: string }[]; has_more: boolean; last_id: string | null }>(
      key,
      'GET',
      `/v1/${collection}?limit=100${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`,
    );
    ids.push(...page.data.map(({ id }) => id));
    after = page.last_id ?? '';
    hasMore = page.has_more;
  }
  return ids;
}

/** Deletes what a tenant has beyond what it had before. */
export async function removeNew(
  wire: Wire,
  key: string,
  before: Readonly<Record<'datasets' | 'models', readonly string[]>>,
): Promise<void> {
  for (const collection of ['models', 'datasets'] as const) {
    for (const id of await idsOf(wire, key, collection)) {
      // One that is in use stays, and is found by its owner.
      if (!before[collection].includes(id)) await wire.send({ method: 'DELETE', path: `/v1/${collection}/${id}`, key });
    }
  }
}

function withKey(body: unknown, idempotencyKey: string) {
  const { headers, body: text } = jsonBody(body);
  return { headers: { ...headers, 'idempotency-key': idempotencyKey }, body: text };
}

/** The columns of the example, so that the specifications' examples fit these things; the marker is a label. */
function rowsOf(marker: string): string {
  const rows = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? `1.${i},0.${i},${marker}` : `4.${i},1.${i},other`));
  return `length,width,kind\n${rows.join('\n')}\n`;
}
