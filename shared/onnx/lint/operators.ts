/**
 * Operators that the CPU provider of ONNX Runtime 1.30 has kernels for, or that it takes apart into such; none that reads a
 * file (ImageDecoder reads bytes, but has no kernel). Source: docs/OperatorKernels.md and docs/Operators.md of the projects;
 * test/conformance/onnx-lint asks the library itself.
 */

const DEFAULT =
  'Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization BitShift ' +
  'BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike Ceil Celu CenterCropPad Clip Col2Im Compress ' +
  'Concat ConcatFromSequence Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum DFT DeformConv ' +
  'DepthToSpace DequantizeLinear Det Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor ' +
  'GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GridSample ' +
  'GroupNormalization HammingWindow HannWindow HardSigmoid HardSwish Hardmax Identity If InstanceNormalization IsInf IsNaN ' +
  'LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop LpNormalization LpPool MatMul MatMulInteger ' +
  'Max MaxPool MaxRoiPool MaxUnpool Mean MeanVarianceNormalization MelWeightMatrix Min Mish Mod Mul Multinomial Neg ' +
  'NegativeLogLikelihoodLoss NonMaxSuppression NonZero Not OneHot Optional OptionalGetElement OptionalHasElement Or PRelu Pad ' +
  'Pow QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN RandomNormal RandomUniform Range Reciprocal ReduceL1 ' +
  'ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare RegexFullMatch ' +
  'Relu Reshape Resize ReverseSequence RoiAlign RotaryEmbedding Round STFT Scan Scatter ScatterElements ScatterND Selu ' +
  'SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap Shape Shrink Sigmoid ' +
  'Sign Sin Sinh Size Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt ' +
  'Squeeze StringConcat StringNormalizer StringSplit Sub Sum Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile TopK ' +
  'Transpose Trilu Unique Unsqueeze Upsample Where Xor';

const ML =
  'ArrayFeatureExtractor Binarizer CastMap CategoryMapper DictVectorizer FeatureVectorizer Imputer LabelEncoder ' +
  'LinearClassifier LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler TreeEnsemble ' +
  'TreeEnsembleClassifier TreeEnsembleRegressor ZipMap';

/** Domain -> operators. `ai.onnx` is another name of the default domain. */
export const OPERATORS: Readonly<Record<string, ReadonlySet<string>>> = {
  '': new Set(DEFAULT.split(' ')),
  'ai.onnx.ml': new Set(ML.split(' ')),
};

/** The domain under its shortest name. */
export function domainOf(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

/** Operators that may hold graphs. */
export const GRAPH_HOLDERS: ReadonlySet<string> = new Set(['If', 'Loop', 'Scan', 'SequenceMap']);
