/**
 * Takes an upload's bytes to a data file and checks everything the client said of them: Content-MD5, x-amz-checksum-*
 * in headers or trailers, and the length. A file that fails is removed.
 */
import { createHash, randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { CHECKSUM_ALGORITHMS, isChecksumAlgorithm } from './checksums.ts';
import { s3Error } from './errors.ts';
import type { Bucket } from './bucket.ts';
import type { ChecksumAlgorithm, Digest } from './checksums.ts';
import type { ObjectChecksum } from './object.ts';
import type { ServiceRequest } from '../service.ts';
import type { IncomingHttpHeaders } from 'node:http';

export interface ReceivedData {
  readonly file: string;
  readonly sizeBytes: number;
  /** Hex. */
  readonly md5: string;
  /** The checksum to keep, where the client chose an algorithm. */
  readonly checksum?: ObjectChecksum;
}

/** Which checksum the request carries or asks for; one at most, as S3 has it. */
export function requestedAlgorithm(headers: IncomingHttpHeaders): ChecksumAlgorithm | undefined {
  const named = Object.keys(headers).flatMap(
    (name) => /^x-amz-checksum-(?!mode$|type$|algorithm$)(.+)$/.exec(name)?.[1] ?? [],
  );
  const trailer = /x-amz-checksum-([\w-]+)/.exec(header(headers, 'x-amz-trailer') ?? '')?.[1];
  const asked = header(headers, 'x-amz-sdk-checksum-algorithm') ?? header(headers, 'x-amz-checksum-algorithm');
  const algorithms = [...named, ...(trailer ? [trailer] : [])];
  if (algorithms.length > 1)
    throw s3Error('InvalidRequest', {
      message: 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    });
  const algorithm = algorithms[0] ?? asked?.toLowerCase();
  if (algorithm === undefined) return undefined;
  if (isChecksumAlgorithm(algorithm)) return algorithm;
  const known = Object.keys(CHECKSUM_ALGORITHMS).join(', ').toUpperCase();
  throw s3Error('InvalidRequest', {
    message: `Checksum algorithm provided is unsupported: ${algorithm}. Please try again with any of the valid types: ${known}`,
  });
}

const header = (headers: IncomingHttpHeaders, name: string): string | undefined => headers[name] as string | undefined;

/** Stores the request's body; throws BadDigest, InvalidDigest and what `stream()` throws, leaving no file. */
export async function receiveBody(
  bucket: Bucket,
  request: ServiceRequest,
  algorithm?: ChecksumAlgorithm,
): Promise<ReceivedData> {
  const { headers } = request.http;
  const wanted = requestedAlgorithm(headers) ?? algorithm;
  const contentMd5 = header(headers, 'content-md5');
  if (contentMd5 !== undefined && Buffer.from(contentMd5, 'base64').length !== 16) throw s3Error('InvalidDigest');
  return storeChecked(bucket, request.stream(), wanted, ({ md5, digest }) => {
    if (contentMd5 !== undefined && contentMd5 !== Buffer.from(md5, 'hex').toString('base64')) {
      throw s3Error('BadDigest', { message: 'The Content-MD5 you specified did not match what we received.' });
    }
    if (wanted === undefined) return;
    const name = `x-amz-checksum-${wanted}`;
    const sent = header(headers, name) ?? request.trailers[name];
    if (sent !== undefined) checkSent(sent, digest!, wanted);
    else if (headers['x-amz-trailer'] === name)
      throw s3Error('InvalidRequest', { message: `The trailer ${name} was announced and did not come.` });
  });
}

/** Throws where a checksum that was sent is not one, or not that of the data. */
export function checkSent(sent: string, computed: Buffer, algorithm: ChecksumAlgorithm): void {
  if (Buffer.from(sent, 'base64').length !== CHECKSUM_ALGORITHMS[algorithm].sizeBytes) {
    throw s3Error('InvalidRequest', { message: `Value for x-amz-checksum-${algorithm} header is invalid.` });
  }
  if (sent !== computed.toString('base64')) {
    throw s3Error('BadDigest', {
      message: `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`,
    });
  }
}

type Check = (received: { md5: string; digest: Buffer | undefined; sizeBytes: number }) => void;

/** Writes a stream to a new data file; `check` throws to refuse it, `whileReading` to stop it early. */
export async function storeChecked(
  bucket: Bucket,
  source: AsyncIterable<Buffer>,
  algorithm: ChecksumAlgorithm | undefined,
  check: Check = () => undefined,
): Promise<ReceivedData> {
  const file = randomUUID();
  const path = bucket.dataPath(file);
  const md5 = createHash('md5');
  const digest: Digest | undefined = algorithm && CHECKSUM_ALGORITHMS[algorithm].create();
  let sizeBytes = 0;
  try {
    await using handle = await open(path, 'wx');
    for await (const chunk of source) {
      md5.update(chunk);
      digest?.update(chunk);
      sizeBytes += chunk.length;
      await handle.appendFile(chunk);
    }
    const received = { md5: md5.digest('hex'), digest: digest?.digest(), sizeBytes };
    check(received);
    return {
      file,
      sizeBytes,
      md5: received.md5,
      ...(algorithm && {
        checksum: { algorithm, value: received.digest!.toString('base64'), type: 'FULL_OBJECT' as const },
      }),
    };
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}
