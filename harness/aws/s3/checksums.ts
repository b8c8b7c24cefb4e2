/**
 * The checksum algorithms of S3 uploads: one table name -> incremental digest (big-endian, as the headers carry it).
 * Polynomials: CRC-32C 0x1EDC6F41 (RFC 3720), CRC-64/NVME 0xAD93D23594C93659 (NVMe base specification), both reflected.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

export interface Digest {
  update(data: Uint8Array): void;
  digest(): Buffer;
}

export const CHECKSUM_ALGORITHMS = {
  crc32: { sizeBytes: 4, create: zlibCrc32 },
  crc32c: { sizeBytes: 4, create: crc32c },
  crc64nvme: { sizeBytes: 8, create: crc64nvme },
  sha1: { sizeBytes: 20, create: () => hashDigest('sha1') },
  sha256: { sizeBytes: 32, create: () => hashDigest('sha256') },
} as const satisfies Record<string, { sizeBytes: number; create: () => Digest }>;

export type ChecksumAlgorithm = keyof typeof CHECKSUM_ALGORITHMS;

export const isChecksumAlgorithm = (name: string): name is ChecksumAlgorithm =>
  Object.hasOwn(CHECKSUM_ALGORITHMS, name);

function hashDigest(name: string): Digest {
  const hash = createHash(name);
  return { update: (data) => void hash.update(data), digest: () => hash.digest() };
}

function zlibCrc32(): Digest {
  let value = 0;
  return { update: (data) => void (value = crc32(data, value)), digest: () => uint32(value) };
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

const CRC32C_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

function crc32c(): Digest {
  let value = 0xffffffff;
  return {
    update: (data) => {
      for (const byte of data) value = CRC32C_TABLE[(value ^ byte) & 0xff]! ^ (value >>> 8);
    },
    digest: () => uint32(~value),
  };
}

/** High and low halves of the table, because 64-bit integers are slow here. */
const CRC64_TABLE = (() => {
  const polynomial = 0x9a6c9329ac4bc9b5n;
  const values = Array.from({ length: 256 }, (_, byte) => {
    let value = BigInt(byte);
    for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ polynomial : value >> 1n;
    return value;
  });
  return {
    high: Uint32Array.from(values, (value) => Number(value >> 32n)),
    low: Uint32Array.from(values, (value) => Number(value & 0xffffffffn)),
  };
})();

function crc64nvme(): Digest {
  let high = 0xffffffff;
  let low = 0xffffffff;
  return {
    update: (data) => {
      for (const byte of data) {
        const index = (low ^ byte) & 0xff;
        low = CRC64_TABLE.low[index]! ^ ((low >>> 8) | (high << 24));
        high = CRC64_TABLE.high[index]! ^ (high >>> 8);
      }
    },
    digest: () => Buffer.concat([uint32(~high), uint32(~low)]),
  };
}
