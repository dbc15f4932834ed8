import { GraphBuilder, type Value } from "./builder.js";
import { freshPrefix } from "./fresh-prefix.js";
import type { Model } from "./model.js";

/** A model that takes two images once, and a batch of masks. */
export interface BlendedModel {
  readonly model: Model;
  /** Inputs, two images `[1, 3, H, W]`. */
  readonly from: Value;
  readonly to: Value;
  /** Input, the masks `[N, 1, H, W]`. The model runs on `from ⊙ (1 − mask) + to ⊙ mask`, which is exact for masks of 0 and 1. */
  readonly masks: Value;
}

/** Makes such a model from one that takes a batch of images on `input`. The graph blends, so that only masks are made and passed on. */
export function blendInput(model: Model, input: string): BlendedModel {
  const { graph } = model;
  const build = new GraphBuilder(freshPrefix(model, "whybox/blended/"));
  const info = graph.inputs.find(({ name }) => name === input)!;
  const [batch, , ...size] = info.shape ?? [];
  const isKnown = batch !== undefined;
  const image = (name: string) => build.input(build.fresh(name), isKnown ? [1, 3, ...size] : undefined, info.elemType);
  const [from, to] = [image("from"), image("to")];
  const masks = build.input(build.fresh("masks"), isKnown ? [batch, 1, ...size] : undefined, info.elemType);
  const rest = build.op("Sub", [build.float(1), masks]);
  build.node("Add", [build.op("Mul", [from, rest]), build.op("Mul", [to, masks])], [input], {}, build.fresh("blend"));
  const others = graph.inputs.filter(({ name }) => name !== input);
  const initializers = new Map([...graph.initializers, ...build.graph("blend").initializers]);
  return {
    ...{ from, to, masks },
    model: {
      ...model,
      graph: { ...graph, initializers, inputs: [...build.inputs, ...others], nodes: [...build.nodes, ...graph.nodes] },
    },
  };
}
