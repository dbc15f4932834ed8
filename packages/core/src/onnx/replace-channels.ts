import { GraphBuilder, type Value } from "./builder.js";
import { readsOf, type TailModel } from "./cut.js";
import { freshPrefix } from "./fresh-prefix.js";
import { DataType, type Graph, type Model, type Node } from "./model.js";

/** A tail that takes the tap's activations once, and for each item of a batch the channel to replace and its new value. */
export interface ChannelTail {
  readonly model: Model;
  /** Input, the activations `[1, C, H, W]`. */
  readonly activations: Value;
  /** Input `[N, 2]`, a channel and a value per item: item `i` is the activations with that channel filled with that value. */
  readonly items: Value;
}

/**
 * Makes such a tail from one that takes a batch of activations. The graph makes the items. It does not run a 1×1 convolution of the tap on each
 * item: the convolution is linear, `conv(A with A[c] = v) = conv(A) + W[:, c] · (v − A[c])`, which takes one multiplication instead of C.
 */
export function replaceChannels({ model }: TailModel, tap: string): ChannelTail {
  const { graph } = model;
  const build = new GraphBuilder(freshPrefix(model, "whybox/channels/"));
  const type = graph.inputs.find(({ name }) => name === tap)!.elemType;
  const activations = build.input(build.fresh("activations"), undefined, type);
  const items = build.input(build.fresh("items"), undefined);
  const column = (i: number): Value => build.op("Gather", [items, build.ints([i])], { axis: 1 });
  const channels = build.op("Cast", [column(0)], { to: DataType.INT64 });
  const flat = build.op("Reshape", [channels, build.ints([-1])]);
  const value = build.op("Cast", [build.op("Reshape", [column(1), build.ints([-1, 1, 1, 1])])], { to: type });
  // Axis 1 holds the channels of the activations and of the weights. Gathering along it makes them the batch.
  const taken = (from: Value): Value =>
    build.op("Transpose", [build.op("Gather", [from, flat], { axis: 1 })], { perm: [1, 0, 2, 3] });
  const change = build.op("Sub", [value, taken(activations)]);
  const kept: Node[] = [];
  for (const node of graph.nodes) {
    // In half precision a difference of sums is less precise than the sum.
    if (type !== DataType.FLOAT || !isPointwise(node, tap, graph.initializers)) {
      kept.push(node);
      continue;
    }
    const [, weights] = node.inputs;
    const base = build.fresh("base");
    build.nodes.push({ ...node, name: base, inputs: [activations, ...node.inputs.slice(1)], outputs: [base] });
    build.node("Add", [base, build.op("Mul", [taken(weights!), change])], node.outputs, {}, node.name);
  }
  if (kept.some((node) => readsOf(node).includes(tap))) {
    const count = build.op("Shape", [activations], { start: 1, end: 2 });
    const numbers = build.op("Range", [build.int(0), build.op("Squeeze", [count]), build.int(1)]);
    const hit = build.op("Equal", [channels, numbers]);
    const mask = build.op("Unsqueeze", [hit, build.ints([2, 3])]);
    build.node("Where", [mask, value, activations], [tap], {}, build.fresh("whole"));
  }
  return {
    activations,
    items,
    model: {
      ...model,
      graph: {
        ...graph,
        inputs: [...build.inputs, ...graph.inputs.filter(({ name }) => name !== tap)],
        initializers: new Map([...graph.initializers, ...build.initializers]),
        nodes: [...build.nodes, ...kept],
      },
    },
  };
}

/** Whether a node is a 1×1 convolution of the tap that keeps the size, with constant weights and bias. */
export function isPointwise(
  { opType, domain, inputs, attributes }: Node,
  tap: string,
  fixed: Graph["initializers"],
): boolean {
  const [data, weights = "", bias = ""] = inputs;
  const [, , ...kernel] = fixed.get(weights)?.dims ?? [];
  const usual = (name: string, value: number): boolean => {
    const found = attributes.get(name);
    return found === undefined || (found.type.startsWith("int") && [found.value].flat().every((one) => one === value));
  };
  if (opType !== "Conv" || domain !== "" || data !== tap || !(bias === "" || fixed.has(bias))) return false;
  return kernel.join() === "1,1" && usual("group", 1) && usual("strides", 1) && usual("pads", 0);
}
