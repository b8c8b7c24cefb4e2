/** Every feature of the service that needs a right of AWS, once: what tenants and operators do, as steps that fail loudly. */
import { invokeAdmin } from '../../scripts/admin-client.ts';
import type { Tenon } from '../e2e/tenon.ts';

type Body = Record<string, unknown>;

/** @param key of the tenant whose developer makes it @throws {Error} naming the step that was not answered as it should be */
export async function journey(tenon: Tenon, name: string, key = tenon.key('a')): Promise<void> {
  const step = async (
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Body> => {
    const answer = await tenon.request(method, path, {
      key,
      ...(body === undefined ? {} : { body }),
      ...(headers === undefined ? {} : { headers }),
    });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const csv = `x,y\n${Array.from({ length: 12 }, (_, i) => `${i},${2 * i}`).join('\n')}\n`;
  const made = await step('POST', '/v1/datasets', { name, format: 'csv', csv }, { 'idempotency-key': name });
  const refused = await tenon.request('POST', '/v1/datasets', {
    key,
    body: {},
    headers: { 'idempotency-key': `${name}-x` },
  });
  if (refused.status !== 400) throw new Error(`a bad dataset: ${refused.status}`);
  const waiting = await step('POST', '/v1/datasets', { name, format: 'csv' });
  const upload = waiting['upload'] as { url: string };
  const put = await fetch(upload.url, { method: 'PUT', body: csv });
  if (!put.ok) throw new Error(`the upload: ${put.status} ${await put.text()}`);
  await step('POST', `/v1/datasets/${String(waiting['id'])}/complete`, {});
  for (const { id } of [made, waiting]) {
    const { status } = await tenon.settled(`/v1/datasets/${String(id)}`, ['ready', 'invalid'], key);
    if (status !== 'ready') throw new Error(`the dataset is ${String(status)}`);
  }
  const job = await step('POST', '/v1/jobs', {
    ...{ name, task: 'regression', family: 'linear_regression', dataset: made['id'], target: 'y' },
  });
  const ended = await tenon.settled(`/v1/jobs/${String(job['id'])}`, ['succeeded', 'failed', 'cancelled'], key);
  if (ended['status'] !== 'succeeded') throw new Error(`the job: ${JSON.stringify(ended)}`);
  await step('GET', `/v1/jobs/${String(job['id'])}/events`);
  await step('POST', `/v1/jobs/${String(job['id'])}/cancel`, {});
  await step('POST', `/v1/models/${name}:predict`, { instances: [{ x: 1 }] }, { 'idempotency-key': name });
  const bad = await tenon.request('POST', `/v1/models/${name}:predict`, {
    key,
    body: { instances: [{ z: 1 }] },
    headers: { 'idempotency-key': `${name}-x` },
  });
  if (bad.status !== 400) throw new Error(`a bad prediction: ${bad.status}`);
  const prefer = { prefer: 'respond-async' };
  const later = await step('POST', `/v1/models/${name}:predict`, { instances: [{ x: 1 }] }, prefer);
  const over = await step('POST', '/v1/batches', { model: name, dataset: made['id'] });
  for (const { id } of [later, over]) {
    const batch = await tenon.settled(`/v1/batches/${String(id)}`, ['succeeded', 'failed', 'cancelled']);
    if (batch['status'] !== 'succeeded') throw new Error(`the batch: ${JSON.stringify(batch)}`);
  }
  await step('GET', `/v1/batches/${String(over['id'])}/output`);
  await step('DELETE', `/v1/batches/${String(over['id'])}`);
  const version = `/v1/models/${name}/versions/1`;
  await step('PUT', `/v1/models/${name}/aliases/live`, { version: 1 });
  const artifact = await step('GET', `${version}/artifact`);
  const file = await fetch(String(artifact['url']));
  if (!file.ok) throw new Error(`the download: ${file.status}`);
  for (const path of ['/v1/datasets', '/v1/jobs', '/v1/models', version, `${version}/card`, '/v1/limits', '/v1/usage'])
    await step('GET', path);
  await operate(tenon, name);
  await step('DELETE', `/v1/models/${name}/aliases/live`);
  await step('DELETE', `/v1/models/${name}`);
  for (const { id } of [made, waiting]) await step('DELETE', `/v1/datasets/${String(id)}`);
}

/** What operators do with a tenant of their own. */
async function operate(tenon: Tenon, name: string): Promise<void> {
  const { lambdaUrl } = tenon.cloud;
  const say = async (command: object): Promise<Body> => {
    const answer = await invokeAdmin(command, lambdaUrl);
    if (answer['error'] !== undefined) throw new Error(`${JSON.stringify(command)}: ${JSON.stringify(answer)}`);
    return answer;
  };
  const { key_id: keyId } = await say({ command: 'create', tenant_id: name, plan: 'free' });
  await say({ command: 'list' });
  await say({ command: 'suspend', tenant_id: name });
  await say({ command: 'resume', tenant_id: name });
  await say({ command: 'list-keys', tenant_id: name });
  await say({ command: 'revoke-key', tenant_id: name, key_id: keyId });
  await say({ command: 'delete', tenant_id: name, confirm: name });
}
