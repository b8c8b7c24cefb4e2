import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { at, Synthesis } from './synthesis.ts';

/** The Node that the functions run under, where npm installed it. */
const LAMBDA_NODE = existsSync('node_modules/.bin/node') ? resolve('node_modules/.bin/node') : process.execPath;

/** What Lambda sets by itself. */
const RESERVED = {
  AWS_REGION: 'eu-central-1',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1769',
  AWS_LAMBDA_FUNCTION_NAME: 'function',
};

/** What Lambda's runtime adds to the globals; here it only marks a handler as found. */
const LAMBDA_GLOBAL = 'globalThis.awslambda = { streamifyResponse: (handler) => handler }';

let app: Synthesis;
beforeAll(() => {
  app = new Synthesis({ target: 'host', checks: false });
});
afterAll(() => app.remove());

describe('the build for the local cloud', () => {
  test.each(['Authorizer', 'Control', 'Events', 'Inference', 'Ingest', 'Fit', 'Train', 'Admin'])(
    '%s starts from its asset alone, with the environment that the template gives it',
    (name) => {
      const fn = app.one('AWS::Lambda::Function', `/${name}/Resource`);
      const names = Object.keys(at(fn, 'Environment', 'Variables') as object);
      const variables: Record<string, string> = Object.fromEntries(names.map((variable) => [variable, 'a-name']));
      const asset = join(app.dir, fn.metadata['aws:asset:path'] ?? '');

      const { stdout, stderr } = spawnSync(
        LAMBDA_NODE,
        ['-e', `${LAMBDA_GLOBAL}; import("./index.js").then(({ handler }) => console.log(typeof handler))`],
        {
          cwd: asset,
          encoding: 'utf8',
          env: { ...variables, ...RESERVED, GB_SECOND_USD: '0.0000133334', ORT_DISABLE_TELEMETRY: '1' },
        },
      );

      expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: 'function', stderr: '' });
    },
  );

  test.each(['Inference', 'Fit'])('%s runs a graph with the ONNX Runtime of its asset', (name) => {
    const fn = app.one('AWS::Lambda::Function', `/${name}/Resource`);
    const asset = join(app.dir, fn.metadata['aws:asset:path'] ?? '');
    const script = `
      const ort = require('onnxruntime-node');
      ort.InferenceSession.create(Buffer.from('${IDENTITY_MODEL}', 'base64'))
        .then((session) => session.run({ x: new ort.Tensor('float32', [1, 2, 3], [3]) }))
        .then(({ y }) => console.log(JSON.stringify([...y.data])));`;

    const { stdout, stderr } = spawnSync(LAMBDA_NODE, ['-e', script], {
      cwd: asset,
      encoding: 'utf8',
      env: { ORT_DISABLE_TELEMETRY: '1' },
    });

    expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: '[1,2,3]', stderr: '' });
  });
});

/** IR version 8, opset 17, one node: y = Identity(x), x float[3]. Field by field after onnx.proto. */
const IDENTITY_MODEL = Buffer.from([
  0x08,
  8, // ModelProto.ir_version
  0x42,
  2,
  0x10,
  17, // opset_import { version }
  0x3a,
  51, // graph
  0x0a,
  16,
  0x0a,
  1,
  0x78,
  0x12,
  1,
  0x79,
  0x22,
  8,
  ...Buffer.from('Identity'), // node { input x, output y, op_type }
  0x12,
  1,
  0x67, // name "g"
  0x5a,
  13,
  0x0a,
  1,
  0x78,
  0x12,
  8,
  0x0a,
  6,
  0x08,
  1,
  0x12,
  2,
  0x0a,
  0, // input x: tensor_type { elem_type 1, shape { dim {} } }
  0x62,
  13,
  0x0a,
  1,
  0x79,
  0x12,
  8,
  0x0a,
  6,
  0x08,
  1,
  0x12,
  2,
  0x0a,
  0, // output y
]).toString('base64');
