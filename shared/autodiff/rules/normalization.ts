/** Gradients of the normalisation ops. h is x normalised, s the scale, b the bias. */
import type { Value } from '../../onnx/graph.ts';
import { filled } from '../../tensor/tensor.ts';
import type { NumericDType } from '../../tensor/tensor.ts';
import { staticShape } from '../../tensor/shape.ts';
import { unbroadcast } from '../unbroadcast.ts';
import type { Rules, Vjp } from '../vjp.ts';

export const normalizationRules: Rules = {
  // h = (x - mean) r, r = 1 / deviation, y = h s + b:  dx = r (dh - mean(dh) - h mean(dh h)) with dh = dy s
  LayerNormalization: (vjp) => {
    const { g, inputs, outputs, dy } = vjp;
    const [x, scale] = inputs as [Value, Value];
    const axes = x.shape
      .keys()
      .drop(vjp.node.attributes['axis'] as number)
      .toArray();
    const mean = (value: Value): Value => g.reduceMean(value, { axes, keepdims: true });
    const h = normalized(vjp);
    const dh = g.mul(dy, scale);
    return [
      () => g.mul(outputs[2]!, g.sub(g.sub(dh, mean(dh)), g.mul(h, mean(g.mul(dh, h))))),
      () => unbroadcast(g, g.mul(dy, h), scale.shape),
      () => unbroadcast(g, dy, scale.shape),
    ];
  },
  // y = (x - mean) s / sqrt(variance + e) + b with given statistics, per channel
  BatchNormalization: ({ g, node, inputs, dy }) => {
    const [x, scale, bias, mean, variance] = inputs as [Value, Value, Value, Value, Value];
    const { float: epsilon } = node.attributes['epsilon'] as { float: number };
    const perChannel = (value: Value): Value => g.reshape(value, [value.shape[0]!, ...x.shape.slice(2).map(() => 1)]);
    const r = g.reciprocal(g.sqrt(g.add(variance, epsilon)));
    const over = (value: Value): Value =>
      g.reduceSum(value, {
        axes: x.shape
          .keys()
          .filter((axis) => axis !== 1)
          .toArray(),
      });
    const centred = (): Value => over(g.mul(dy, g.sub(x, perChannel(mean))));
    return [
      () => g.mul(dy, perChannel(g.mul(scale, r))),
      () => g.mul(centred(), r),
      () => g.reshape(over(dy), bias.shape),
      () => g.neg(g.mul(over(dy), g.mul(scale, r))),
      () => g.mul(g.mul(centred(), g.mul(scale, -0.5)), g.mul(r, g.mul(r, r))),
    ];
  },
};

/** h by the fused kernel, with a scale of ones. */
function normalized({ g, node, inputs }: Vjp): Value {
  const [x, scale] = inputs as [Value, Value];
  const { float: epsilon } = node.attributes['epsilon'] as { float: number };
  const ones = g.constant(filled(scale.dtype as NumericDType, staticShape(scale.shape, node.name), 1));
  return g.layerNormalization(x, { scale: ones, axis: node.attributes['axis'] as number, epsilon })[0];
}
