/** IDX files in memory, as a dataset of a service: what the demo and tests bring their digits with. */
import type { ApiClient } from '../cli/client.ts';
import { readyDataset } from '../cli/dataset-files.ts';
import type { Dataset } from '../cli/resources.ts';

/** Uploads two IDX files as a dataset and waits until it is ready. */
export async function uploadIdx(
  api: ApiClient,
  name: string,
  files: Record<'images' | 'labels', Uint8Array>,
): Promise<Dataset> {
  const made = await api.call<Dataset>('createDataset', { body: { name, format: 'idx' } });
  for (const part of ['images', 'labels'] as const) {
    const target = made.upload?.parts?.[part];
    if (target === undefined) throw new Error(`dataset ${made.id} names no place to upload ${part} to`);
    const response = await fetch(target.url, {
      method: 'PUT',
      headers: target.headers,
      body: Buffer.from(files[part]),
    });
    if (!response.ok) throw new Error(`uploading ${part}: ${response.status} ${await response.text()}`);
  }
  await api.call('completeDataset', { params: { id: made.id }, body: {} });
  return readyDataset(api, made.id);
}
