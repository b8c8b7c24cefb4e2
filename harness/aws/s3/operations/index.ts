/** The table of S3 operations. Of several that fit a request, the first is taken: the more specific stand first. */
import { createBucket, deleteBucket, getBucketCors, getBucketLocation, headBucket, listBuckets } from './bucket.ts';
import { deleteObjects } from './delete-many.ts';
import { listObjects, listObjectsV2 } from './list.ts';
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  listMultipartUploads,
} from './multipart.ts';
import { getObject, headObject } from './object-read.ts';
import { copyObject, deleteObject, putObject } from './object-write.ts';
import { listParts, uploadPart, uploadPartCopy } from './parts.ts';
import { postObject } from './post-object.ts';
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from './tagging.ts';
import type { S3Operation } from '../operation.ts';

export const S3_OPERATIONS: readonly S3Operation[] = [
  listBuckets,
  getBucketLocation,
  getBucketCors,
  listMultipartUploads,
  listObjectsV2,
  listObjects,
  headBucket,
  createBucket,
  deleteBucket,
  deleteObjects,
  postObject,
  getObjectTagging,
  putObjectTagging,
  deleteObjectTagging,
  listParts,
  uploadPartCopy,
  uploadPart,
  createMultipartUpload,
  completeMultipartUpload,
  abortMultipartUpload,
  getObject,
  headObject,
  copyObject,
  putObject,
  deleteObject,
];
