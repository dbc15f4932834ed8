import type { Arithmetic, ProductTerm } from "../algebra/arithmetic.js";
import { GraphBuilder, type Value } from "../onnx/builder.js";
import { freshPrefix } from "../onnx/fresh-prefix.js";
import { DataType, type Graph } from "../onnx/model.js";
import type { BackwardModel } from "./backward-model.js";

/** A way to reduce a gradient in the graph. */
export interface GradientReduction {
  /** Identifies the reduction. */
  readonly id: string;
  /** A reduction that reads activations has one value for each cell, `[N, 1, H, W]`, and it is zero where the gradient is. Others have `[N, K]`. */
  readonly readsActivations: boolean;
  /** Adds the nodes that reduce a gradient `[N, C, H, W]`. `activations` is `[1, C, H, W]` or `[N, C, H, W]`. */
  reduce(build: GraphBuilder, values: { readonly gradient: Value; readonly activations: Value }): Value;
}

/** The mean of each channel over its cells, `[N, C]`. */
export const meansOverCells: GradientReduction = {
  id: "means",
  readsActivations: false,
  reduce: (build, { gradient }) => build.op("ReduceMean", [gradient, build.ints([2, 3])], { keepdims: 0 }),
};

/** The sum of a term over the channels at each cell, `[N, 1, H, W]`. */
export function sumOverChannels(id: string, term: ProductTerm): GradientReduction {
  return {
    id,
    readsActivations: true,
    reduce: (build, { gradient, activations }) => {
      const terms = term(arithmeticOf(build), gradient, activations);
      return build.op("ReduceSum", [terms, build.ints([1])], { keepdims: 1 });
    },
  };
}

function arithmeticOf(build: GraphBuilder): Arithmetic<Value> {
  return {
    times: (a, b) => build.op("Mul", [a, b]),
    positive: (a) => build.op("Mul", [build.op("Add", [a, build.op("Abs", [a])]), build.float(0.5)]),
  };
}

/**
 * The same backward pass, with each gradient `[N, C, H, W]` reduced to `[N, K + 1]`: the values of the reduction, followed by the largest absolute
 * value of the gradient. For methods that read nothing else: it saves megabytes of output.
 * @param activations tap → output of the forward session with its activations, float32. Only for a reduction that reads them.
 */
export function reduceGradients(
  backward: BackwardModel,
  reduction: GradientReduction,
  activations: ReadonlyMap<string, string>,
): BackwardModel {
  const { graph } = backward.model;
  const build = new GraphBuilder(freshPrefix(backward.model, "whybox/reduce"));
  const known = new Set([...graph.inputs.map(({ name }) => name), ...graph.nodes.flatMap(({ outputs }) => outputs)]);
  const fed: string[] = [];
  const activationsOf = (tap: string): Value => {
    // The backward pass may have the value already: saved, or computed again.
    if (known.has(tap)) return tap;
    const name = activations.get(tap)!;
    if (!known.has(name)) fed.push(name);
    known.add(name);
    return name;
  };
  const reduced = new Map(
    [...backward.gradients].map(([tap, gradient]) => {
      if (gradient === null) return [tap, null];
      const own = reduction.readsActivations ? activationsOf(tap) : tap;
      return [tap, reducedGradient(build, reduction, { gradient, activations: own })];
    }),
  );
  const inner: Graph = {
    ...graph,
    nodes: [...graph.nodes, ...build.nodes],
    initializers: new Map([...graph.initializers, ...build.initializers]),
    inputs: [...graph.inputs, ...fed.map(floats)],
    outputs: [...reduced.values()].filter((value) => value !== null).map(floats),
  };
  const saved = [...backward.saved, ...fed];
  return { ...backward, model: { ...backward.model, graph: inner }, saved, gradients: reduced };
}

/**
 * Adds the nodes for `[N, K + 1]`: the values of the reduction, followed by the largest absolute value of the gradient. `place` takes the values of
 * cells to where they belong, if the gradient is that of windows.
 */
export function reducedGradient(
  build: GraphBuilder,
  reduction: GradientReduction,
  given: { readonly gradient: Value; readonly activations: Value },
  place: (cells: Value) => Value = (cells) => cells,
): Value {
  const values = build.op("Flatten", [place(reduction.reduce(build, given))], { axis: 1 });
  return build.op("Concat", [values, largestOf(build, given.gradient)], { axis: 1 });
}

/** The largest absolute value of each gradient, `[N, 1]`. */
function largestOf(build: GraphBuilder, gradient: Value): Value {
  const largest = build.op("ReduceMax", [build.op("Abs", [gradient]), build.ints([1, 2, 3])], { keepdims: 0 });
  return build.op("Unsqueeze", [largest, build.ints([1])]);
}

function floats(name: string): Graph["inputs"][number] {
  return { name, elemType: DataType.FLOAT, shape: undefined };
}
