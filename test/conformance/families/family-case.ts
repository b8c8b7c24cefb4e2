/** A training that the conformance suite runs a family through. */
import type { Table } from '../../../shared/data/table.ts';
import type { Task } from '../../../shared/families/contract.ts';
import type { TrainingSpec } from '../../../shared/families/spec.ts';

export interface FamilyCase {
  readonly family: string;
  readonly task: Task;
  readonly spec: TrainingSpec;
  /** Rows with the features and the target `y`. */
  table(rows: number): Table;
  /** An added feature that is the same in every row; tensors hold theirs already. */
  readonly takesColumns: boolean;
}
