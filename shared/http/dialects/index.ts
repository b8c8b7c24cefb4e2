/** The dialects that the API speaks, by the prefix of their paths. */
import type { Dialect } from './dialect.ts';
import { mlflow } from './mlflow.ts';
import { openInference } from './open-inference.ts';
import { sagemaker } from './sagemaker.ts';
import { tenon } from './tenon.ts';

export const DIALECTS: readonly Dialect[] = [tenon, openInference, mlflow, sagemaker];

/** The dialect of a path or of an API Gateway resource; ours where none has its prefix. */
export function dialectOf(path: string): Dialect {
  return DIALECTS.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`)) ?? tenon;
}
