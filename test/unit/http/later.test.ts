/** What a client prefers, as RFC 7240 has it written. */
import { describe, expect, it } from '@jest/globals';
import { preferenceOf } from '../../../shared/http/inference/later.ts';

describe('the header Prefer', () => {
  it.each([
    [undefined, { isAsync: false, applied: '' }],
    ['respond-async', { isAsync: true, applied: 'respond-async' }],
    ['Respond-Async, wait=10', { isAsync: true, waitS: 10, applied: 'respond-async, wait=10' }],
    ['wait="10"', { isAsync: false, waitS: 10, applied: 'wait=10' }],
    ['wait = 10 , wait=15', { isAsync: false, waitS: 10, applied: 'wait=10' }],
    // Section 2: a preference may have parameters, and an unknown one is ignored.
    ['foo; bar=2, respond-async; x="a, wait=3"', { isAsync: true, applied: 'respond-async' }],
    ['return=minimal, handling=lenient', { isAsync: false, applied: '' }],
    // What is applied is what is waited: section 4.3 has the server say so by the value that it echoes.
    ['wait=100000', { isAsync: false, waitS: 20, applied: 'wait=20' }],
    ['wait=soon', { isAsync: false, applied: '' }],
    ['wait=-1', { isAsync: false, applied: '' }],
    ['respond-asynchronously', { isAsync: false, applied: '' }],
    [',,', { isAsync: false, applied: '' }],
  ])('%s', (header, expected) => {
    expect(preferenceOf(header)).toEqual(expected);
  });
});
