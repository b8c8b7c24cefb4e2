// Jest runs tests in a realm of their own, where `value instanceof Float32Array` is false for arrays that native code
// or Node made. ONNX Runtime and the AWS SDK check with instanceof, so the realm gets the outer one's constructors.
const { TestEnvironment } = require('jest-environment-node');

const SHARED = [
  'ArrayBuffer',
  'SharedArrayBuffer',
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float16Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
];

// The engine itself throws the inner realm's errors, Node throws the outer one's: inner ones count as both.
const ERRORS = ['Error', 'TypeError', 'RangeError', 'SyntaxError'];

module.exports = class extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    for (const name of SHARED) if (globalThis[name]) this.global[name] = globalThis[name];
    for (const name of ERRORS) {
      Object.setPrototypeOf(this.global[name].prototype, globalThis[name].prototype);
      this.global[name] = globalThis[name];
    }
  }
};
