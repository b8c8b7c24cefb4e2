/** tenon models upload: an ONNX file that was made elsewhere, sent to the service and checked by it. */
import { statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import type { Command } from 'commander';
import { OutcomeError, UsageError } from '../errors.ts';
import { bytes } from '../render/table.ts';
import type { ModelVersion } from '../resources.ts';
import { sessionOf } from '../session.ts';
import type { Session } from '../session.ts';
import { answer, progressBar, remark } from '../terminal.ts';
import { uploadFile } from '../upload.ts';

export function addUpload(models: Command, shown: (version: ModelVersion) => string[]): void {
  models
    .command('upload <file>')
    .description('an ONNX file that was made elsewhere: uploaded, checked, tried, and then served like any other')
    .option('--name <name>', 'by default that of the file; of a model that is there, its next version')
    .option('--no-wait', 'come back as soon as the upload is done')
    .action(async (file: string, options: { name?: string; wait: boolean }, command: Command) => {
      const session = sessionOf(command);
      const sent = await upload(session, file, options.name ?? basename(file, extname(file)));
      const version = options.wait ? await checked(session, sent) : sent;
      answer(version, session.output, () => shown(version));
    });
}

async function upload({ api, output }: Session, file: string, name: string): Promise<ModelVersion> {
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) throw new UsageError(`there is no file ${file}`);
  const made = await api.call<ModelVersion>('createModel', { body: { name } });
  if (made.upload === undefined) throw new Error(`${made.id} names no place to upload ${file} to`);
  const bar = progressBar(`uploading ${basename(file)}`, size, output);
  let sent = 0;
  await uploadFile(file, made.upload, (more) => {
    sent += more;
    bar.update(sent, `${bytes(sent)} of ${bytes(size)}`);
  }).finally(() => bar.stop());
  const params = { name, version: made.version };
  return api.call<ModelVersion>('completeModelVersion', { params, body: {} });
}

/** The version once it can be used. @throws {OutcomeError} with what the checks found, where it was refused */
async function checked({ api, output }: Session, { id, name, version }: ModelVersion): Promise<ModelVersion> {
  if (!output.isJson) remark(`${id}: checking the file ...`);
  const asked = await api.until(
    () => api.call<ModelVersion>('getModelVersion', { params: { name, version } }),
    ({ status = 'ready' }) => status === 'ready' || status === 'refused',
  );
  if (asked.status !== 'refused') return asked;
  const findings = (asked.lint?.findings ?? []).map(({ check, message }) => ({ message: `${check}: ${message}` }));
  throw new OutcomeError(`${id} was refused`, findings);
}
