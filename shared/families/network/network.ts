/** A list of layers: shapes worked out and checked layer by layer, first weights drawn, nodes appended. */
import { ServiceError } from '../../errors.ts';
import type { Value } from '../../onnx/graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { createOptimizer } from '../../optim/index.ts';
import { flatten, parameterCount, unflatten } from '../../optim/parameters.ts';
import type { ParameterLayout } from '../../optim/parameters.ts';
import { Random } from '../../tensor/random.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { zeros } from '../../tensor/tensor.ts';
import type { HostTensor } from '../../tensor/tensor.ts';
import type { DataShape, FitState, Task, Tensors } from '../contract.ts';
import { ACTIVATIONS } from './activations.ts';
import type { ActivationName } from './activations.ts';
import type { LayerKind, LayerPlan, LayerSpec, LayerTable, RowShape } from './layer.ts';
import type { TrainingParams } from './params.ts';

interface PlannedLayer extends LayerSpec, LayerPlan {
  readonly layer: LayerKind<unknown>;
  readonly name: string;
  /** Applied to what the layer gives. */
  readonly activation: ActivationName;
}

export interface Network {
  readonly layers: readonly PlannedLayer[];
  readonly parameters: ParameterLayout;
  readonly buffers: ParameterLayout;
}

/** Weights, their gradient and the optimizer's moments of so many take more than a gigabyte. */
const MAX_PARAMETERS = 50_000_000;

/** The name of a network's input among its layers. */
const INPUT = 'input';

/** As Keras would name it, by kind and counted from 1: conv2d_1, conv2d_2, dense_1. */
export function layerName(specs: readonly LayerSpec[], index: number): string {
  const { kind } = specs[index]!;
  return `${kind}_${specs.slice(0, index + 1).filter((spec) => spec.kind === kind).length}`;
}

/** @throws invalid_request naming the layer, with the pointer /params/layers/<i> */
export function planLayers(table: LayerTable, specs: readonly LayerSpec[], input: RowShape): Network {
  const layers: PlannedLayer[] = [];
  let count = 0;
  for (const [index, spec] of specs.entries()) {
    const name = layerName(specs, index);
    const kind = table.kinds[spec.kind]!;
    const shapeOf = (earlier: string): RowShape | undefined =>
      earlier === INPUT ? input : layers.find((layer) => layer.name === earlier)?.output;
    const plan = kind.plan(spec.config, layers.at(-1)?.output ?? input, shapeOf);
    if (typeof plan === 'string') throw layerError(index, `${name}: ${plan}`);
    for (const { shape } of Object.values(plan.weights ?? {})) count += sizeOf(shape);
    if (count > MAX_PARAMETERS) {
      const message = `${name}: with this layer the network has ${count} parameters, at most ${MAX_PARAMETERS} can be trained: make it smaller`;
      throw layerError(index, message);
    }
    const own = kind.hasOwnActivation === true ? undefined : spec.config['activation'];
    layers.push({ ...spec, ...plan, layer: kind, name, activation: (own as ActivationName | undefined) ?? 'linear' });
  }
  return { layers, parameters: layoutOf(layers, 'weights'), buffers: layoutOf(layers, 'buffers') };
}

/** Checks what the last layer gives against the task; `outputs` are classes or numbers, where they are known. */
export function checkOutput(
  network: Network,
  { formatRow }: LayerTable,
  { task, outputs, isPerStep = false }: { task: Task; outputs: number | undefined; isPerStep?: boolean },
): void {
  const index = network.layers.findLastIndex(({ kind }) => kind !== 'activation' && kind !== 'dropout');
  const last = network.layers[index];
  if (last === undefined) throw layerError(0, 'the network has no layer with weights: end it with a dense layer');
  const end = network.layers.length - 1;
  if (isPerStep && last.output.length !== 2) {
    const message = `${last.name}: expected an output for every step, got ${formatRow(last.output)}: set "return_sequences": true in every recurrent layer`;
    throw layerError(end, message);
  }
  if (!isPerStep && last.output.length !== 1) {
    throw layerError(
      end,
      `${last.name}: expected an output of one dimension, got ${formatRow(last.output)}: end with a dense layer`,
    );
  }
  const units = last.output.at(-1)!;
  if (outputs !== undefined && units !== outputs) {
    throw layerError(
      index,
      `${last.name}: expected ${outputs} ${outputs === 1 ? 'unit' : 'units'} for ${REASONS[task](outputs)}, got ${units}`,
    );
  }
  const activation = network.layers[end]!.activation;
  if (task === 'classification' && activation !== 'softmax' && activation !== 'linear') {
    throw layerError(
      end,
      `${network.layers[end]!.name}: expected the activation softmax (or linear) at the end of a classification, got ${activation}`,
    );
  }
  if (task !== 'classification' && activation === 'softmax') {
    throw layerError(end, `${network.layers[end]!.name}: the activation softmax is for classification; use linear`);
  }
}

/** What a number of outputs is for. */
const REASONS: Readonly<Record<Task, (outputs: number) => string>> = {
  classification: (outputs) => `${outputs} classes`,
  regression: () => 'one number to predict',
  clustering: () => 'one cluster',
  forecasting: (outputs) => `a horizon of ${outputs}`,
  language_modelling: (outputs) => `${outputs} tokens`,
};

/** @throws invalid_request when a loss is asked for that is not the task's. */
export function checkLoss(
  { loss, early_stopping: stopping }: Pick<TrainingParams, 'loss' | 'early_stopping'>,
  { task, isValidated }: Pick<DataShape, 'task' | 'isValidated'>,
): void {
  const wanted =
    task === 'classification' || task === 'language_modelling'
      ? 'sparse_categorical_crossentropy'
      : 'mean_squared_error';
  if (loss !== undefined && loss !== wanted) {
    throw new ServiceError('invalid_request', `the loss of ${task} is ${wanted}, got ${loss}`, {
      param: '/params/loss',
    });
  }
  if (stopping?.monitor !== undefined) checkMonitor(stopping.monitor, task, isValidated);
}

/** The figure that stops a training early has to be one that its epochs have. */
function checkMonitor(monitor: string, task: Task, isValidated = true): void {
  const param = '/params/early_stopping/monitor';
  const [, validated, figure = ''] = /^(validation_)?(.+)$/.exec(monitor)!;
  if (validated !== undefined && !isValidated) {
    const message = `early_stopping: no rows are kept apart to validate with, and ${monitor} is of those: monitor loss, or set "validation"`;
    throw new ServiceError('invalid_request', message, { param });
  }
  const ofClasses = task === 'classification' || task === 'language_modelling';
  const known = ofClasses ? ['loss', 'accuracy'] : validated === undefined ? ['loss'] : ['loss', 'r2', 'rmse', 'mae'];
  if (known.includes(figure)) return;
  const names = known.map((name) => `${validated ?? ''}${name}`).join(', ');
  throw new ServiceError('invalid_request', `early_stopping: of ${task} expected one of ${names}, got ${monitor}`, {
    param,
  });
}

/** The first weights, layer by layer from one generator. */
export function initialParameters({ layers, parameters }: Network, seed: number): HostTensor<'float32'> {
  const random = Random.fromSeed(seed);
  const values = plansOf(layers, 'weights').map(([name, plan]) => [name, plan.initialize(random)]);
  return flatten(parameters, Object.fromEntries(values) as Record<string, Float32Array>);
}

/** The arrays that a fit begins with: first weights and buffers, and the optimizer's state at zero. */
export function initialTensors(
  network: Network,
  { optimizer }: Pick<TrainingParams, 'optimizer'>,
  seed: number,
): Record<string, HostTensor> {
  const zero = zeros('float32', [parameterCount(network.parameters)]);
  const slots = createOptimizer(optimizer).slots.map((name): [string, HostTensor] => [`slot/${name}`, zero]);
  const random = Random.fromSeed(seed);
  const first = plansOf(network.layers, 'buffers').map(([name, plan]) => [name, plan.initialize(random)] as const);
  const buffers = first.length === 0 ? {} : { buffers: flatten(network.buffers, Object.fromEntries(first)) };
  return { parameters: initialParameters(network, seed), ...buffers, ...Object.fromEntries(slots) };
}

/** The best epoch's weights and buffers under early stopping, else the newest, by name. */
export function learnedWeights(network: Network, { tensors }: FitState): Tensors {
  const newest = (name: string): HostTensor<'float32'> =>
    (tensors[`best/${name}`] ?? tensors[name]) as HostTensor<'float32'>;
  const parameters = unflatten(network.parameters, newest('parameters'));
  return tensors['buffers'] === undefined
    ? parameters
    : { ...parameters, ...unflatten(network.buffers, newest('buffers')) };
}

export interface NetworkInputs {
  /** Weights and buffers by name. */
  readonly parameters: Readonly<Record<string, Value>>;
  /** In training; dropout is on then. */
  readonly seed?: Value;
  /** 1 at the steps of x that count, 0 at those to skip; all count without it. */
  readonly mask?: Value | undefined;
  /** Takes the mask of what the network gives, in its layout, if steps are masked. */
  readonly onMask?: ((mask: Value) => void) | undefined;
  /** In training: takes the new values of buffers. */
  readonly keep?: (buffer: string, value: Value) => void;
}

/** The network's nodes on x, up to but not including a softmax at its end: logits. */
export function buildNetwork(
  g: GraphBuilder,
  x: Value,
  network: Network,
  { parameters, seed, keep, mask: given, onMask }: NetworkInputs,
): Value {
  let value = x;
  let delayed: ActivationName = 'linear';
  let mask = given;
  const outputs = new Map([[INPUT, x]]);
  const recalled = new Set(network.layers.map(({ layer, config }) => layer.recalls?.(config)));
  for (const [index, { name, layer, config, activation, weights = {}, buffers = {} }] of network.layers.entries()) {
    const isLast = index === network.layers.length - 1;
    const next = network.layers[index + 1];
    value = g.scope(name, () => {
      const seeded = seed === undefined ? undefined : g.add(seed, index * 0x3c6ef35);
      const own = Object.keys({ ...weights, ...buffers }).map((weight) => [weight, parameters[`${name}/${weight}`]!]);
      const counted = layer.mask?.(g, value, config);
      mask = counted && mask ? g.mul(counted, mask) : (counted ?? mask);
      const inputs = {
        weights: Object.fromEntries(own) as Record<string, Value>,
        seed: seeded,
        mask,
        keep: keep && ((buffer: string, next: Value): void => keep(`${name}/${buffer}`, next)),
        outputOf: (earlier: string): Value => outputs.get(earlier)!,
      };
      const result = ACTIVATIONS[delayed](g, layer.build(g, value, config, inputs));
      const waits = activation === 'relu' && next?.layer.commutesWithRelu === true && !recalled.has(name);
      delayed = waits ? 'relu' : 'linear';
      return waits || (isLast && activation === 'softmax') ? result : ACTIVATIONS[activation](g, result);
    });
    outputs.set(name, value);
  }
  if (mask !== undefined) onMask?.(mask);
  return value;
}

function plansOf(layers: readonly PlannedLayer[], kind: 'weights' | 'buffers') {
  return layers.flatMap(({ name, [kind]: plans = {} }) =>
    Object.entries(plans).map(([own, plan]) => [`${name}/${own}`, plan] as const),
  );
}

function layoutOf(layers: readonly PlannedLayer[], kind: 'weights' | 'buffers'): ParameterLayout {
  return Object.fromEntries(plansOf(layers, kind).map(([name, { shape }]) => [name, shape]));
}

function layerError(index: number, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param: `/params/layers/${index}` });
}
