/**
 * A tenant's catalog: datasets, jobs, events, models and batches. Partition keys begin `TENANT#<id>`, so that IAM holds a caller to
 * its own; the tenant id comes from the credential.
 */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { TENANT_PK_PREFIX } from '../contract.ts';
import type { Erasure } from '../resources/audit.ts';
import type { BatchPart, BatchRecord } from '../resources/batch.ts';
import type { DatasetRecord } from '../resources/dataset.ts';
import type { JobRecord, TrialRecord } from '../resources/job.ts';
import type { ModelRecord, ModelVersionRecord } from '../resources/model.ts';
import type { WebhookSecretRecord } from '../resources/webhook.ts';
import { AuditLog } from './audit-log.ts';
import { Collection } from './collection.ts';
import { EventLog } from './event-log.ts';
import type { EventRecord } from './event-log.ts';

const VERSION_DIGITS = 9;
const ROW_DIGITS = 12;

export class Catalog {
  readonly datasets: Collection<DatasetRecord>;
  readonly jobs: Collection<JobRecord>;
  readonly batches: Collection<BatchRecord>;
  readonly webhooks: Collection<WebhookSecretRecord>;
  readonly audit: AuditLog;
  /** The erasure that is under way, if any. */
  readonly erasures: Collection<Erasure>;
  readonly models: Collection<ModelRecord>;
  readonly #collection: <T extends object>(partition: string, prefix: string) => Collection<T>;

  constructor(dynamo: DynamoDBDocumentClient, table: string, tenantId: string) {
    const pk = TENANT_PK_PREFIX + tenantId;
    this.#collection = (partition, prefix) => new Collection(dynamo, table, { pk: pk + partition, prefix });
    this.datasets = this.#collection('', 'DATASET#');
    this.jobs = this.#collection('', 'JOB#');
    this.batches = this.#collection('', 'BATCH#');
    this.models = this.#collection('', 'MODEL#');
    this.webhooks = this.#collection('', 'WEBHOOK#');
    this.audit = new AuditLog(this.#collection('#AUDIT', 'ENTRY#'));
    this.erasures = this.#collection('', 'ERASURE#');
  }

  /** A job's events, in the order in which they were written. */
  events(jobId: string): EventLog {
    return new EventLog(this.eventRecords(jobId));
  }

  /** The records behind a job's events. */
  eventRecords(jobId: string): Collection<EventRecord> {
    return this.#collection(`#JOB#${jobId}`, 'EVENT#');
  }

  /** The trials of a job's sweep that have begun. */
  trials(jobId: string): Collection<TrialRecord> {
    return this.#collection(`#JOB#${jobId}`, 'TRIAL#');
  }

  /** The parts of a batch's output that are written, by their first row (`partId`). */
  batchParts(batchId: string): Collection<BatchPart> {
    return this.#collection(`#BATCH#${batchId}`, 'PART#');
  }

  /** A model's versions, by `versionId`. */
  versions(name: string): Collection<ModelVersionRecord> {
    return this.#collection(`#MODEL#${name}`, 'VERSION#');
  }
}

/** Rows sort as text once they are of one length. */
export function partId(begin: number): string {
  return String(begin).padStart(ROW_DIGITS, '0');
}

/** Version numbers sort as text once they are of one length. */
export function versionId(version: number): string {
  return String(version).padStart(VERSION_DIGITS, '0');
}
