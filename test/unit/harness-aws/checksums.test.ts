/** Checksums against the check values of the CRC catalogue ("123456789") and FIPS 180. */
import { describe, expect, it } from '@jest/globals';
import { CHECKSUM_ALGORITHMS } from '../../../harness/aws/s3/checksums.ts';
import type { ChecksumAlgorithm } from '../../../harness/aws/s3/checksums.ts';

const CHECK: Readonly<Record<ChecksumAlgorithm, readonly [data: string, hex: string]>> = {
  crc32: ['123456789', 'cbf43926'],
  crc32c: ['123456789', 'e3069283'],
  crc64nvme: ['123456789', 'ae8b14860a799888'],
  sha1: ['abc', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
  sha256: ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
};

describe.each(Object.keys(CHECK) as ChecksumAlgorithm[])('%s', (algorithm) => {
  const [data, hex] = CHECK[algorithm];

  it('has its published value', () => {
    const digest = CHECKSUM_ALGORITHMS[algorithm].create();
    digest.update(Buffer.from(data));

    const value = digest.digest();

    expect(value.toString('hex')).toBe(hex);
    expect(value.length).toBe(CHECKSUM_ALGORITHMS[algorithm].sizeBytes);
  });

  it('does not depend on how the data is cut', () => {
    const digest = CHECKSUM_ALGORITHMS[algorithm].create();
    for (const character of data) digest.update(Buffer.from(character));

    expect(digest.digest().toString('hex')).toBe(hex);
  });
});
