/** What runs graphs, as the layers below the runtime see it; shared/runtime/session.ts implements it on ONNX Runtime. */
import type { HostTensor } from '../tensor/tensor.ts';

export interface Session {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Runs the graph; yields all outputs, or those named. @throws {TypeError} when an input is missing or unknown. */
  run(feeds: Readonly<Record<string, HostTensor>>, fetches?: readonly string[]): Promise<Record<string, HostTensor>>;
  release(): Promise<void>;
}

export interface SessionOptions {
  /**
   * Lay convolutions out for this CPU (default true): twice as fast where the weights are stored in the file, slower where they are fed, as in training
   * graphs, because every tensor is then reordered at every run.
   */
  readonly hasStoredWeights?: boolean;
}

export interface Engine {
  /** Threads per operation; results are bit-identical for equal numbers only. */
  readonly threads: number;
  /** A session of an ONNX model: its bytes, or the path of its file. */
  createSession(model: Uint8Array | string, options?: SessionOptions): Promise<Session>;
}
