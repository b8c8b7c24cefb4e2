/** What a tenant has before its requests are fuzzed: a dataset, a trained model with an alias, a batch, and things that may be deleted. */
import type { OperationId } from '../../shared/contract.ts';
import type { Service } from './service.ts';

export const TENANT = 'fuzzed';

export interface Things {
  readonly dataset: string;
  readonly waiting: string;
  readonly job: string;
  readonly batch: string;
  readonly model: string;
  /** Path parameters that DELETE may take, by operation. */
  readonly spare: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

/** The columns of the specifications' examples. */
const ROWS = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? `1.${i},0.${i},setosa` : `4.${i},1.${i},versicolor`));

export async function makeThings(service: Service): Promise<Things> {
  const made = async (operation: OperationId, body: object, params: Record<string, string> = {}): Promise<string> => {
    const headers = { 'content-type': 'application/json' };
    const rest = { tenant: TENANT, params, query: {}, headers, body: JSON.stringify(body) };
    const answer = await service.send({ operation, ...rest });
    await service.idle();
    const { id } = JSON.parse(answer.body) as { id?: string };
    if (id === undefined) throw new Error(`${operation}: ${answer.statusCode} ${answer.body}`);
    return id;
  };
  const csv = `length,width,kind\n${ROWS.join('\n')}\n`;
  const dataset = await made('createDataset', { name: 'flowers', format: 'csv', csv });
  const spare = await made('createDataset', { name: 'spare', format: 'csv', csv });
  const waiting = await made('createDataset', { name: 'waiting', format: 'csv' });
  const job = { task: 'classification', family: 'logistic_regression', dataset, target: 'kind' };
  const first = await made('createJob', { ...job, name: 'flowers', validation: { fraction: 0 } });
  await made('createJob', { ...job, name: 'flowers', seed: 1 });
  for (const name of ['spare', 'versions', 'versions']) await made('createJob', { ...job, name });
  await made('putModelAlias', { version: 1 }, { name: 'flowers', alias: 'canary' });
  const batch = await made('createBatch', { model: 'flowers', dataset });
  const spareBatch = await made('createBatch', { model: 'flowers', dataset });
  service.isTraining = false;
  return {
    dataset,
    waiting,
    job: first,
    batch,
    model: 'flowers',
    spare: {
      deleteDataset: { id: [spare] },
      deleteBatch: { id: [spareBatch] },
      deleteModel: { name: ['spare'] },
      deleteModelVersion: { name: ['versions'], version: ['1', '2', '3'] },
      deleteModelAlias: { name: ['flowers'], alias: ['canary'] },
    },
  };
}
