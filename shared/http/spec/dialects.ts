/** Predictions in the dialects of MLflow and of the SageMaker runtime. */
import * as z from 'zod';
import type { OperationSpec } from './spec.ts';

const ref = 'name, name@alias or name:version';
const rows = z.array(z.unknown());

const formsSchema = z.union([
  z.object({ instances: rows }),
  z.object({ inputs: z.union([rows, z.record(z.string(), rows)]) }),
  z.object({ dataframe_records: rows }),
  z.object({ dataframe_split: z.object({ columns: z.array(z.string()).optional(), data: z.array(rows) }) }),
]);

const invocations = {
  params: { ref },
  body: formsSchema,
  media: ['application/json', 'text/csv'],
  status: 200,
  answer: z.object({ predictions: rows }),
} as const;

export const DIALECT_SPECS = {
  mlflowInvocations: {
    ...invocations,
    tag: 'MLflow',
    summary: 'Predict, as a scoring server of MLflow: data frames, instances, inputs or CSV',
    example: { dataframe_split: { columns: ['length', 'width'], data: [[1.5, 0.2]] } },
  },
  mlflowPing: {
    tag: 'MLflow',
    summary: 'Load a model and say that it is ready',
    params: { ref },
    status: 200,
    answer: z.string(),
  },
  sagemakerInvocations: {
    ...invocations,
    tag: 'SageMaker runtime',
    summary: 'InvokeEndpoint: predict; a target variant is an alias',
    example: { instances: [[1.5, 0.2]] },
  },
} as const satisfies Record<string, OperationSpec>;
