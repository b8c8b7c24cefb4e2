/** Runs a family's inference graph over encoded rows, with what was learned as inputs: the same session serves every epoch. */
import type { Features } from '../data/feature-matrix.ts';
import type { Engine, Session } from '../onnx/engine.ts';
import { GraphBuilder, toModel } from '../onnx/graph-builder.ts';
import { sizeOf } from '../tensor/shape.ts';
import { rowsOf } from '../tensor/tensor.ts';
import type { Family, Metrics, ModelShape, Samples, Tensors } from './contract.ts';
import { measure } from './metrics.ts';

/** Values of one block of rows. */
const BLOCK_VALUES = 1 << 20;

export class Evaluator {
  private readonly session: Session;

  private constructor(session: Session) {
    this.session = session;
  }

  /** `x` and `learned` give the types of the graph's inputs. */
  static async open<P>(
    engine: Engine,
    family: Family<P>,
    model: ModelShape<P>,
    example: { readonly x: Features; readonly learned: Tensors },
  ): Promise<Evaluator> {
    const g = new GraphBuilder(family.name);
    const x = g.input('x', example.x.dtype, ['batch', ...example.x.shape.slice(1)]);
    const learned = Object.entries(example.learned).map(
      ([name, { dtype, shape }]) => [name, g.input(`learned/${name}`, dtype, shape)] as const,
    );
    g.output(family.infer(g, x, Object.fromEntries(learned), model), 'outputs');
    return new Evaluator(await engine.createSession(toModel(g)));
  }

  /** Outputs of all rows, [rows, outputs] row-major. */
  async run(x: Features, learned: Tensors): Promise<Float64Array> {
    const rows = x.shape[0]!;
    const block = Math.max(1, Math.floor(BLOCK_VALUES / Math.max(1, sizeOf(x.shape.slice(1)))));
    const weights = Object.fromEntries(Object.entries(learned).map(([name, value]) => [`learned/${name}`, value]));
    let outputs = new Float64Array(0);
    for (let begin = 0; begin < rows; begin += block) {
      const part = rowsOf<'float32' | 'float64'>(x, begin, Math.min(begin + block, rows));
      const data = (await this.session.run({ x: part, ...weights }))['outputs']!.data as Float64Array;
      const width = data.length / part.shape[0]!;
      if (begin === 0) outputs = new Float64Array(rows * width);
      outputs.set(data, begin * width);
    }
    return outputs;
  }

  async measure(samples: Samples, learned: Tensors): Promise<Metrics> {
    return measure(await this.run(samples.x, learned), samples.target);
  }

  release(): Promise<void> {
    return this.session.release();
  }
}
