/**
 * What a benchmark of training is: data that both sides read, what is timed on ours, and a Python script that does the same work with the
 * peer's own code. A case is an entry of a file in cases/; train.ts finds them, contender.ts and peer.py run them, each side in a process of its own.
 */
import type { Engine } from '../shared/onnx/engine.ts';
import type { HostTensor } from '../shared/tensor/tensor.ts';

export type Arrays = Readonly<Record<string, HostTensor<'float32' | 'float64' | 'int32'>>>;

/** One side of a race, its data read and its sessions open. */
export interface Contender {
  /** What is timed. */
  run(): Promise<unknown>;
  /** What the work comes to: gradients of the first step, coefficients, centres, decision values. Compared with the peer's, in its order. */
  solution(): Promise<ArrayLike<number>>;
}

export interface BenchCase {
  readonly name: string;
  readonly peer: 'pytorch' | 'scikit-learn';
  data(): Promise<Arrays> | Arrays;
  /** Training steps of a run: times are told per step. */
  readonly steps?: number;
  open(data: Arrays, engine: Engine): Promise<Contender> | Contender;
  /** Defines `run()` and `solution()` over `data`, arrays by name. */
  readonly python: string;
}
