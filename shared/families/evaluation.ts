/** Runs a family's inference graph over encoded rows, with what was learned as inputs: the same session serves every epoch. */
import { scaledFeatures } from '../data/feature-matrix.ts';
import type { FeatureDType, Features } from '../data/feature-matrix.ts';
import type { Engine, Session } from '../onnx/engine.ts';
import { GraphBuilder, toModel } from '../onnx/graph-builder.ts';
import { sizeOf } from '../tensor/shape.ts';
import { rowsOf } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import { inferOutputs, partsOf } from './contract.ts';
import type { Family, Metrics, ModelShape, RowOutputs, Samples, Tensors } from './contract.ts';
import { Measure } from './metrics.ts';

/** Values of one block of rows: small, because the activations of a network are many times its input; of a token id they are far more. */
const BLOCK_VALUES = 1 << 17;
const BLOCK_IDS = 1 << 12;

export class Evaluator {
  private readonly session: Session;
  private readonly blockValues: number;

  private constructor(session: Session, blockValues: number) {
    this.session = session;
    this.blockValues = blockValues;
  }

  /** `x` and `learned` give the types of the graph's inputs. With `isServed` it runs what the exported file does, also for a language model. */
  static async open<P>(
    engine: Engine,
    family: Family<P>,
    model: ModelShape<P>,
    example: { readonly x: Features; readonly learned: Tensors; readonly isServed?: boolean },
  ): Promise<Evaluator> {
    const g = new GraphBuilder(family.name);
    const row = example.x.shape.slice(1);
    const x = g.input('x', example.x.dtype, ['batch', ...(model.isRagged === true ? ['time', ...row.slice(1)] : row)]);
    const learned = Object.entries(example.learned).map(
      ([name, { dtype, shape }]) => [name, g.input(`learned/${name}`, dtype, shape)] as const,
    );
    const rows = scaledFeatures(g, x);
    const values = Object.fromEntries(learned);
    const isAssessed = model.task === 'language_modelling' && example.isServed !== true;
    const outputs = isAssessed
      ? family.assess!(g, rows, values, model)
      : inferOutputs(family, g, rows, { learned: values, model });
    for (const [name, value] of Object.entries(outputs)) g.output(value, name);
    const blockValues = model.vocabulary === undefined ? BLOCK_VALUES : BLOCK_IDS;
    return new Evaluator(await engine.createSession(toModel(g)), blockValues);
  }

  async run(x: Features, learned: Tensors): Promise<RowOutputs> {
    const rows = x.shape[0]!;
    const block = Math.max(1, Math.floor(this.blockValues / Math.max(1, sizeOf(x.shape.slice(1)))));
    const weights = Object.fromEntries(Object.entries(learned).map(([name, value]) => [`learned/${name}`, value]));
    const all: Record<string, Float64Array> = {};
    for (let begin = 0; begin < rows; begin += block) {
      const part = rowsOf<FeatureDType>(x, begin, Math.min(begin + block, rows));
      const results = await this.session.run({ x: part, ...weights });
      for (const [name, { data, dtype }] of Object.entries(results) as [string, HostTensor<'float64' | 'int64'>][]) {
        const width = data.length / part.shape[0]!;
        all[name] ??= new Float64Array(rows * width);
        all[name].set(dtype === 'int64' ? Array.from(data, Number) : data, begin * width);
      }
    }
    return all;
  }

  async measure(samples: Samples, learned: Tensors): Promise<Metrics> {
    const sums = new Measure();
    for await (const { x, target } of partsOf(samples)) sums.add(await this.run(x, learned), target);
    return sums.metrics();
  }

  release(): Promise<void> {
    return this.session.release();
  }
}
