import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeCheckpoint, encodeCheckpoint } from '../../../shared/runtime/checkpoint.ts';
import type { Checkpoint } from '../../../shared/runtime/checkpoint.ts';
import { tensor } from '../../../shared/tensor/tensor.ts';

const checkpoint: Checkpoint = {
  threads: 2,
  fingerprint: 'abc',
  state: {
    position: { epoch: 3, best: null, note: 'Größe', list: [1, [true]] },
    tensors: {
      w: tensor('float32', [3], Float32Array.of(1, -0, NaN)),
      big: tensor('int64', [1], BigInt64Array.of(2n ** 60n)),
      flags: tensor('uint8', [3], Uint8Array.of(1, 2, 3)),
      none: tensor('float64', [0, 4], new Float64Array(0)),
    },
  },
};

describe('checkpoints', () => {
  test('come back as they were, from any alignment', () => {
    const bytes = encodeCheckpoint(checkpoint);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);

    expect(decodeCheckpoint(shifted.subarray(3))).toEqual(checkpoint);
    expect(Buffer.compare(encodeCheckpoint(checkpoint), bytes)).toBe(0);
  });

  test('name a file that is cut off or changed in any byte', () => {
    const bytes = encodeCheckpoint(checkpoint);

    fc.assert(
      fc.property(fc.integer({ min: 8, max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Uint8Array.from(bytes);
        changed[at]! ^= change;
        expect(() => decodeCheckpoint(changed)).toThrow(/checkpoint is torn/);
        expect(() => decodeCheckpoint(bytes.subarray(0, at))).toThrow(/checkpoint is torn/);
      }),
      { seed: 1 },
    );
    expect(() => decodeCheckpoint(new Uint8Array(100))).toThrow(/no checkpoint/);
  });
});
