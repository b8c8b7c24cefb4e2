/** The table of checks that a stranger's model has to pass before ONNX Runtime sees it. A new one is a function and a line here. */
import * as file from './file-checks.ts';
import * as graph from './graph-checks.ts';
import type { Check } from './subject.ts';

export const CHECKS = {
  ir_version: file.irVersion,
  opset: file.opset,
  operators: file.operators,
  functions: file.functions,
  external_data: file.externalData,
  sparse_tensors: file.sparseTensors,
  tensor_data: file.tensorData,
  memory: file.memory,
  size: graph.size,
  interface: graph.interfaces,
  names: graph.names,
  order: graph.order,
  subgraphs: graph.subgraphs,
  attributes: graph.attributes,
  constant_sizes: graph.constantSizes,
} as const satisfies Record<string, Check>;

/** `file`: the bytes themselves; `trial`: what happened when it was run. */
export type CheckName = keyof typeof CHECKS | 'file' | 'trial';
