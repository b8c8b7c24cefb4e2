/** The model card of a version: what a reader has to know before trusting it, and how to make it again. */
import type { Fairness } from '../explain/overview/facet.ts';
import type { Overview } from '../explain/overview/overview.ts';
import type { DatasetRecord } from '../resources/dataset.ts';
import type { JobRecord } from '../resources/job.ts';
import { createJobSchema } from '../resources/job.ts';
import type { ModelCard } from '../resources/model.ts';
import type { ExportResult } from '../runtime/trainer.ts';

interface Published {
  readonly version: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly exported: ExportResult;
  readonly metrics: JobRecord['metrics'];
  readonly nowS: number;
  readonly threads: number;
  readonly overview?: Overview | undefined;
  readonly fairness?: Fairness | undefined;
}

export function cardOf(job: JobRecord, made: Published) {
  const { schema, equality } = made.exported;
  return (dataset: DatasetRecord | undefined): ModelCard => ({
    object: 'model.card',
    id: `${job.name}:${made.version}`,
    name: job.name,
    version: made.version,
    task: job.task,
    family: job.family,
    created_at: made.nowS,
    data: {
      dataset: job.dataset,
      name: dataset?.name ?? '',
      rows: dataset?.rows ?? 0,
      sha256: dataset?.sha256 ?? '',
      ...(job.target === undefined ? {} : { target: job.target }),
      features: schema.features.map(({ name, type, shape }) => ({
        name,
        type,
        ...(shape === undefined ? {} : { shape: [...shape] }),
      })),
      ...(schema.classes === undefined ? {} : { classes: [...schema.classes] }),
    },
    metrics: made.metrics,
    file: { bytes: made.bytes, sha256: made.sha256, max_difference_to_trainer: equality.max_difference },
    limits: limitsOf(job, dataset),
    ...(made.overview === undefined ? {} : { overview: made.overview }),
    ...(made.fairness === undefined ? {} : { fairness: made.fairness }),
    reproduce: { job: specOf(job), threads: made.threads },
  });
}

function limitsOf(job: JobRecord, dataset: DatasetRecord | undefined): string[] {
  const limits = ['It knows only data like its own: values outside the ranges of the training rows are extrapolated.'];
  if (Object.keys(job.metrics.validation).length === 0)
    limits.push('No rows were kept apart: the metrics are those of rows it has seen.');
  if ((dataset?.rows ?? Infinity) < 100)
    limits.push(`It has seen ${dataset?.rows ?? 0} rows: its metrics are uncertain.`);
  if (job.status === 'cancelled' || job.cancel_requested === true)
    limits.push('Its training was cancelled before it was done.');
  return limits;
}

/** The job's body as it can be sent again. */
function specOf(job: JobRecord): Record<string, unknown> {
  const fields = Object.keys(createJobSchema.shape);
  return Object.fromEntries(Object.entries(job).filter(([name]) => fields.includes(name)));
}
