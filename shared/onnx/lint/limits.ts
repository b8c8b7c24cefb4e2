/** How large a stranger's model may be. Every limit is one that ONNX Runtime or the service's memory sets, with room for real models. */

const MiB = 1024 ** 2;

export const LINT_LIMITS = {
  fileBytes: 256 * MiB,
  /** What the inference function can hold of one model: half of its memory is for models. */
  memoryBytes: 800 * MiB,
  /** ONNX Runtime 1.30 refuses newer files, and has no kernels for older operators. */
  irVersions: [3, 13],
  opsets: { '': [7, 26], 'ai.onnx.ml': [1, 5] },
  /** Messages within messages, as protobuf counts them: a graph within a graph adds three. */
  messageDepth: 48,
  messages: 2_000_000,
  /** Numbers outside of raw_data: each takes 8 to 32 bytes once it is read. */
  looseNumbers: 16_000_000,
  nodes: 100_000,
  graphDepth: 8,
  interfaceTensors: 256,
  rank: 16,
  /** Of one tensor, declared or made by a constant. */
  elements: 2 ** 28,
  nameChars: 1_024,
} as const;
