/** Predictions in a process of their own: the same answers and errors, an end when the time is over, and nothing of a crash. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { predictApart } from '../../../shared/runtime/apart/run.ts';
import { loop } from '../../../shared/onnx/control.ts';
import { GraphBuilder, toModel } from '../../../shared/onnx/graph-builder.ts';
import { slowModel, slowRows } from '../../slow-model.ts';

const LIMITS = { main: resolve('functions/inference/apart.ts'), seconds: 60, memoryBytes: 800_000_000 };

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tenon-apart-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileOf(name: string, bytes: Uint8Array): string {
  const file = join(folder, `${name}.onnx`);
  writeFileSync(file, bytes);
  return file;
}

describe('a prediction apart', () => {
  it('is what it is in this process', async () => {
    const file = fileOf('short', slowModel(3));
    const predicted = await predictApart({ file, isForeign: true, threads: 1, instances: slowRows(3) }, LIMITS);

    expect(predicted?.predictions).toEqual(slowRows(3).map(({ x }) => x));
    expect(predicted?.ms).toBeGreaterThan(0);
  });

  it('ends when the time is over', async () => {
    const file = fileOf('long', slowModel(1_000_000_000));
    const request = { file, isForeign: true, threads: 1, instances: slowRows(1) };

    expect(await predictApart(request, { ...LIMITS, seconds: 1 })).toBeUndefined();
  });

  it('has the errors of one in this process', async () => {
    const request = { file: fileOf('asked', slowModel(3)), isForeign: true, threads: 1, instances: [{ x: [1] }, {}] };

    await expect(predictApart(request, LIMITS)).rejects.toMatchObject({
      code: 'shape_mismatch',
      param: '/instances/0/x',
      message: expect.stringContaining('instance 0, input "x": expected [batch, 64]'),
    });
  });

  it('that takes too much memory is told so, and takes nobody along', async () => {
    const g = new GraphBuilder('large');
    const count = g.input('count', 'int64', ['batch']);
    const x = g.input('x', 'float32', ['batch', 1_000]);
    const { stacked } = loop(g, {
      count: g.reduceMax(count, { axes: [0], keepdims: false }),
      carried: [x],
      body: (inner, _, [value]) => ({ carried: [inner.add(value!, value!)], stacked: [inner.add(value!, value!)] }),
    });
    g.output(g.reduceSum(stacked[0]!, { axes: [0] }), 'y');
    const instances = [{ count: 1_000_000, x: new Array<number>(1_000).fill(0) }];
    const request = { file: fileOf('large', toModel(g)), isForeign: true, threads: 1, instances };

    await expect(predictApart(request, LIMITS)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('the model cannot run on these inputs'),
    });
  });
});
