/**
 * Whether how much a model does hangs on the values that it is given, and not on their shapes alone: a loop that goes on as long as an input says, a tensor as
 * large as an input says. Such a model's time tells nothing of its next run's. Values are followed from the inputs through every graph; where in doubt, they
 * count as given.
 */
import type { NodeProto } from '../schema/onnx-ml_pb.js';
import type { GraphPlace, Subject } from './subject.ts';

/** Operator -> the inputs whose values say how large its output is, beyond the size of what goes in. */
const SIZED_BY: ReadonlyMap<string, readonly number[]> = new Map(
  Object.entries({
    ...{ Range: [0, 1, 2], ConstantOfShape: [0], Expand: [1], Tile: [1], Resize: [2, 3], Upsample: [1], Pad: [1] },
    ...{ OneHot: [1], MaxUnpool: [2], CenterCropPad: [1], AffineGrid: [1], Col2Im: [1], DFT: [1], STFT: [1] },
    ...{ HannWindow: [0], HammingWindow: [0], BlackmanWindow: [0], MelWeightMatrix: [0, 1] },
  }),
);
/** Operators whose output is as long as the values in it are many of a kind. */
const CHOOSING: ReadonlySet<string> = new Set(['Compress', 'NonMaxSuppression', 'NonZero', 'StringSplit', 'Unique']);

export function workHangsOnData({ graphs }: Subject): boolean {
  const given = new Given(graphs);
  return graphs.some(({ graph }) => graph.node.some((node) => given.sizes(node))) || given.hasLoopOfChoice();
}

class Given {
  readonly #graphs: readonly GraphPlace[];
  readonly #held: ReadonlyMap<NodeProto | undefined, readonly GraphPlace[]>;
  /** Names of values that hang on the inputs' values, and of those whose sizes do. */
  readonly #values = new Set<string>();
  readonly #sizes = new Set<string>();

  constructor(graphs: readonly GraphPlace[]) {
    this.#graphs = graphs;
    this.#held = Map.groupBy(graphs, ({ holder }) => holder);
    const [{ graph: main } = { graph: undefined }] = graphs;
    const stored = new Set(main?.initializer.map(({ name }) => name));
    for (const { name } of main?.input ?? []) if (!stored.has(name)) this.#values.add(name);
    // What a body yields is what its next turn is given.
    for (let before = -1; before < this.#values.size + this.#sizes.size;) {
      before = this.#values.size + this.#sizes.size;
      for (const { graph } of graphs) for (const node of graph.node) this.#follow(node);
    }
  }

  /** Whether the node's work hangs on the values that it is given. */
  sizes(node: NodeProto): boolean {
    const { opType, input } = node;
    if (SIZED_BY.get(opType)?.some((i) => this.#values.has(input[i] ?? '')) === true) return true;
    if (opType === 'Scan' || opType === 'SequenceMap') return input.some((name) => this.#sizes.has(name));
    if (opType !== 'Loop') return false;
    const goesOn = this.#bodies(node).map(({ graph }) => graph.output[0]?.name ?? '');
    return [input[0] ?? '', input[1] ?? '', ...goesOn].some((name) => this.#values.has(name));
  }

  /** Whether a loop runs or does not run by what is given. */
  hasLoopOfChoice(): boolean {
    return this.#graphs.some(
      (place) => place.graph.node.some(({ opType }) => opType === 'Loop' || opType === 'Scan') && this.#isChosen(place),
    );
  }

  #isChosen({ holder, parent }: GraphPlace): boolean {
    if (holder === undefined || parent === undefined) return false;
    return (holder.opType === 'If' && this.#values.has(holder.input[0] ?? '')) || this.#isChosen(parent);
  }

  #bodies(node: NodeProto): readonly GraphPlace[] {
    return this.#held.get(node) ?? [];
  }

  #follow(node: NodeProto): void {
    const { opType, input, output } = node;
    const isShape = opType === 'Shape' || opType === 'Size';
    const hasSized = this.#passes(node, this.#sizes);
    const hasGiven = this.#passes(node, this.#values);
    if (isShape ? hasSized : hasGiven) addAll(this.#values, output);
    if (hasSized || (CHOOSING.has(opType) && input.some((name) => this.#values.has(name)))) addAll(this.#sizes, output);
  }

  /** Whether something that is known to be so goes into the node or comes out of its graphs; then it goes into those too. */
  #passes(node: NodeProto, known: Set<string>): boolean {
    const bodies = this.#bodies(node);
    const isSo = node.input.some((name) => known.has(name)) || bodies.some((body) => this.#yields(node, body, known));
    if (isSo) for (const { graph } of bodies) this.#enter(node, graph, known);
    return isSo;
  }

  #yields({ opType }: NodeProto, { graph }: GraphPlace, known: ReadonlySet<string>): boolean {
    return graph.output.some(({ name }, i) => (opType !== 'Loop' || i > 0) && known.has(name));
  }

  /** Of a loop the number of the turn is not given, and whether it goes on only where that is. */
  #enter({ opType, input }: NodeProto, graph: GraphPlace['graph'], known: Set<string>): void {
    const [turn, goesOn, ...carried] = graph.input.map(({ name }) => name);
    const isLoop = opType === 'Loop';
    if (isLoop && [input[1] ?? '', graph.output[0]?.name ?? ''].some((name) => known.has(name)))
      known.add(goesOn ?? '');
    for (const name of isLoop ? carried : graph.input.map((one) => one.name)) known.add(name);
    if (isLoop && known.has(input[0] ?? '')) known.add(turn ?? '');
  }
}

function addAll(known: Set<string>, names: readonly string[]): void {
  for (const name of names) if (name !== '') known.add(name);
}
