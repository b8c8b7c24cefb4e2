/** A local cloud in a process of its own, with all that a test needs to kill it, or one of its functions, and to see what is left. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListBucketsCommand, S3Client, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { ApiClient } from '../../cli/client.ts';
import type { Job } from '../../cli/resources.ts';
import { keyOfTenant } from '../../scripts/local.ts';
import type { CloudProcessOptions } from './cloud-process.ts';
import { processesNaming } from './processes.ts';

interface Addresses {
  readonly apiUrl: string;
  readonly lambdaUrl: string;
  readonly awsUrl: string;
  readonly operatorCredentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export interface JobEvent {
  readonly id: string;
  readonly type: string;
  readonly message?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

export const isOver = ({ status }: Job): boolean => status !== 'queued' && status !== 'running';

export class KillableCloud {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'tenon-kill-'));
  readonly #options: CloudProcessOptions;
  #process: ChildProcess | undefined;
  #addresses: Addresses | undefined;
  #key = '';

  constructor(options: CloudProcessOptions = {}) {
    this.#options = options;
  }

  /** Starts it, or starts it again; the first time it makes a tenant on the plan `standard`. */
  async start(): Promise<void> {
    const script = ['test/e2e/cloud-process.ts', this.dataDir, JSON.stringify(this.#options)];
    const child = spawn(process.execPath, ['--import', 'tsx', ...script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8')));
      child.once('exit', (code) => reject(new Error(`the cloud ended with ${code}`)));
    });
    this.#process = child;
    this.#addresses = JSON.parse(line) as Addresses;
    if (this.#key === '') this.#key = await keyOfTenant(this.#addresses.lambdaUrl, 'acme', 'standard');
  }

  get api(): ApiClient {
    return new ApiClient(this.#addresses!.apiUrl, this.#key);
  }

  /** SIGKILL to the cloud's own process. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    this.#process = undefined;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.dataDir, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Processes of a function, by the name of its source: `fit`, `train` ... */
  processesOf(source: string): number[] {
    return processesNaming(this.dataDir)
      .map(Number)
      .filter((pid) => new RegExp(`AWS_LAMBDA_FUNCTION_NAME=[^\\0]*${source}`, 'i').test(environmentOf(pid)));
  }

  /** SIGKILL to one process of a function, once there is one. @returns false when none came within the time */
  async killFunction(source: string, withinMs = 5_000): Promise<boolean> {
    for (const endMs = Date.now() + withinMs; Date.now() < endMs;) {
      const [pid] = this.processesOf(source);
      if (pid !== undefined && killed(pid)) return true;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return false;
  }

  jobOf(id: string): Promise<Job> {
    return this.api.call<Job>('getJob', { params: { id } });
  }

  async eventsOf(id: string): Promise<JobEvent[]> {
    const { data } = await this.api.call<{ data: JobEvent[] }>('listJobEvents', {
      params: { id },
      query: { limit: 100 },
    });
    return data.map(({ id: event, type, message, data: figures }) => ({
      id: event,
      type,
      ...(message === undefined ? {} : { message }),
      ...(figures === undefined ? {} : { data: figures }),
    }));
  }

  async sha256Of({ model }: Job): Promise<string> {
    const params = model ?? { name: 'none', version: 0 };
    return (await this.api.call<{ sha256: string }>('getModelArtifact', { params })).sha256;
  }

  /** Operations of the durable execution of a job or a batch that has just ended: what was started in it, itself included. */
  async operationsOf(name: string): Promise<number> {
    const root = `${this.#addresses!.lambdaUrl}/2025-12-01`;
    const read = async <T>(path: string): Promise<T> => (await (await fetch(root + path)).json()) as T;
    const [pid] = this.processesOf('training-Train');
    const [, train] = /AWS_LAMBDA_FUNCTION_NAME=([^\0]*)/.exec(environmentOf(pid ?? 0)) ?? [];
    const { DurableExecutions: found } = await read<{ DurableExecutions: { DurableExecutionArn: string }[] }>(
      `/functions/${train ?? ''}/durable-executions?DurableExecutionName=${name}`,
    );
    const history = `/durable-executions/${encodeURIComponent(found[0]?.DurableExecutionArn ?? '')}/history?MaxItems=1000`;
    const { Events: events } = await read<{ Events: { EventType: string }[] }>(history);
    return events.filter(({ EventType }) => EventType.endsWith('Started')).length;
  }

  /** Every object's key in every bucket, as the account's owner sees them. */
  async objects(): Promise<string[]> {
    const { awsUrl, operatorCredentials } = this.#addresses!;
    const client = new S3Client({ endpoint: awsUrl, region: 'us-east-1', credentials: operatorCredentials });
    try {
      const { Buckets = [] } = await client.send(new ListBucketsCommand({}));
      const keys: string[] = [];
      for (const { Name } of Buckets) {
        for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: Name! }))
          keys.push(...Contents.map(({ Key }) => Key!));
      }
      return keys;
    } finally {
      client.destroy();
    }
  }
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return '';
  }
}

function killed(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}
