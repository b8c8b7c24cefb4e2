/** Jobs long enough to be cut: of every family one, in 1, in 7 and in 50 segments, ends with the same ONNX file and the same metrics. */
import { describe, expect, it } from '@jest/globals';
import { FAMILIES } from '../../shared/families/registry.ts';
import type { TrainingSpec } from '../../shared/families/spec.ts';
import { exportModel, runSegment } from '../../shared/runtime/trainer.ts';
import type { SegmentResult } from '../../shared/runtime/trainer.ts';
import { CASES } from '../conformance/families/cases.ts';

/** What makes a job of the family's first case long: rows, and parameters. */
const LONG: Readonly<Record<string, { readonly rows: number; readonly params?: Record<string, unknown> }>> = {
  linear_regression: { rows: 140_000 },
  logistic_regression: { rows: 400, params: { C: 1e8, tol: 1e-13 } },
  svm: { rows: 1500, params: { C: 1e5, gamma: 0.5, probability: true, tol: 1e-6 } },
  kmeans: { rows: 300, params: { n_clusters: 4, n_init: 80 } },
  cnn: { rows: 80, params: { epochs: 60 } },
  rnn: { rows: 80, params: { epochs: 60 } },
  attention: { rows: 80, params: { epochs: 60 } },
};

const jobs = FAMILIES.map(({ name }) => {
  const first = CASES.find(({ family }) => family === name)!;
  const long = LONG[name]!;
  const training: TrainingSpec = { ...first.spec, params: { ...first.spec.params, ...long.params } };
  return [name, { spec: training, train: first.table(long.rows), threads: 1 }] as const;
});

describe.each(jobs)('%s', (_, job) => {
  /** Cuts after every yield of the fit, or of few segments after every third, until one is left. */
  async function inSegments(segments: number): Promise<{ result: SegmentResult; segments: number }> {
    let result: SegmentResult | undefined;
    for (let segment = 1; ; segment++) {
      let yields = 0;
      const most = segment === segments ? Infinity : segments < 10 ? 3 : 1;
      result = await runSegment({ ...job, checkpoint: result?.checkpoint, shouldStop: () => ++yields >= most });
      if (result.status === 'finished') return { result, segments: segment };
    }
  }

  it('ends with the same bytes in 1, 7 and 50 segments', async () => {
    const [whole, seven, fifty] = [await inSegments(1), await inSegments(7), await inSegments(50)];

    expect([whole.segments, seven.segments, fifty.segments]).toEqual([1, 7, 50]);
    const { onnx, metrics } = await exportModel({ ...job, checkpoint: whole.result.checkpoint });
    for (const { result } of [seven, fifty]) {
      expect(result.metrics).toEqual(whole.result.metrics);
      const cut = await exportModel({ ...job, checkpoint: result.checkpoint });
      expect(Buffer.compare(cut.onnx, onnx)).toBe(0);
      expect(cut.metrics).toEqual(metrics);
    }
  }, 600_000);
});
