/** The table of S3 operations. Of several that fit a request, the first is taken: the more specific stand first. */
import { getObject, headObject } from './object-read.ts';
import { copyObject, deleteObject, putObject } from './object-write.ts';
import type { S3Operation } from '../operation.ts';

export const S3_OPERATIONS: readonly S3Operation[] = [
  getObject,
  headObject,
  copyObject,
  putObject,
  deleteObject,
];
