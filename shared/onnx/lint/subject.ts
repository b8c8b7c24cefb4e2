/** A stranger's model as the checks see it: its file's messages, every graph in it, and every tensor with the place where it stands. */
import type { GraphProto, ModelProto, NodeProto, TensorProto } from '../schema/onnx-ml_pb.js';

export interface GraphPlace {
  readonly graph: GraphProto;
  /** 0 is the model's own graph. */
  readonly depth: number;
  /** The node that holds the graph. */
  readonly holder?: NodeProto;
  readonly parent?: GraphPlace;
}

export interface TensorPlace {
  readonly tensor: TensorProto;
  /** Such as `the initializer "w"`. */
  readonly place: string;
}

export interface Subject {
  readonly fileBytes: number;
  readonly model: ModelProto;
  readonly graphs: readonly GraphPlace[];
  readonly tensors: readonly TensorPlace[];
}

/** Something that a check found. */
export interface Found {
  readonly message: string;
  /** The node, by its name or its operator. */
  readonly node?: string;
}

/** What is wrong with a model; nothing, when it passes. */
export type Check = (subject: Subject) => readonly Found[];

export function subjectOf(model: ModelProto, fileBytes: number): Subject {
  const graphs: GraphPlace[] = [];
  if (model.graph !== undefined) collect({ graph: model.graph, depth: 0 }, graphs);
  return { fileBytes, model, graphs, tensors: graphs.flatMap(tensorsOf) };
}

export function nameOf(node: NodeProto): string {
  return shorten(node.name === '' ? node.opType : node.name);
}

/** A name out of the file, as a message may carry it. */
export function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function collect(place: GraphPlace, into: GraphPlace[]): void {
  into.push(place);
  for (const holder of place.graph.node) {
    for (const { g, graphs } of holder.attribute) {
      for (const graph of g === undefined ? graphs : [g, ...graphs])
        collect({ graph, depth: place.depth + 1, holder, parent: place }, into);
    }
  }
}

function tensorsOf({ graph }: GraphPlace): TensorPlace[] {
  const stored = graph.initializer.map((tensor) => ({ tensor, place: `the initializer "${shorten(tensor.name)}"` }));
  const held = graph.node.flatMap((node) =>
    node.attribute.flatMap(({ name, t, tensors }) =>
      (t === undefined ? tensors : [t, ...tensors]).map((tensor) => ({
        tensor,
        place: `the attribute "${shorten(name)}" of ${nameOf(node)}`,
      })),
    ),
  );
  return [...stored, ...held];
}
