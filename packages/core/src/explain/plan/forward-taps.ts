import { attribute } from "../../onnx/attributes.js";
import { GraphBuilder } from "../../onnx/builder.js";
import { elementType } from "../../onnx/element-type.js";
import { DataType, type Model, type Node } from "../../onnx/model.js";
import type { LoadedModel } from "../model/loaded-model.js";

/** A value of the graph, and the output of the forward session that has it in float32. */
export interface FloatTap {
  readonly value: string;
  readonly output: string;
  /** Nodes that the forward session needs for this output. */
  readonly nodes: readonly Node[];
}

/** The output of the forward session with the mask prototypes. Undefined for a model without masks. */
export function prototypesTap({ model, head }: Pick<LoadedModel, "model" | "head">): FloatTap | undefined {
  return head.prototypes === undefined ? undefined : floatTap(model, head.prototypes);
}

/** The output with a value. */
export function floatTap(model: Model, value: string): FloatTap {
  if (elementType(model.graph, value) === DataType.FLOAT) return { value, output: value, nodes: [] };
  const output = `whybox/tap/${value}`;
  const attributes = new Map([["to", attribute(DataType.FLOAT)]]);
  return {
    value,
    output,
    nodes: [{ opType: "Cast", domain: "", name: output, inputs: [value], outputs: [output], attributes }],
  };
}

/** The output with the scatter matrix of a layer's channels and their means, `[C, C + 1]`. */
export function scatterTap(model: Model, value: string): FloatTap {
  const tap = floatTap(model, value);
  const build = new GraphBuilder(`whybox/scatter/${value}`);
  const means = build.op("GlobalAveragePool", [tap.output]);
  // The batch is 1, so the rows of the flattened values are channels.
  const centred = build.op("Flatten", [build.op("Sub", [tap.output, means])], { axis: 2 });
  const products = build.op("Gemm", [centred, centred], { transB: 1 });
  const output = build.op("Concat", [products, build.op("Flatten", [means], { axis: 2 })], { axis: 1 });
  return { value, output, nodes: [...tap.nodes, ...build.nodes] };
}
