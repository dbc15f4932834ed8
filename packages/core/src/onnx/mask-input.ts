import { GraphBuilder, type Value } from "./builder.js";
import { freshPrefix } from "./fresh-prefix.js";
import type { Model } from "./model.js";

/** A model that takes an image once, and a batch of masks. */
export interface MaskedModel {
  readonly model: Model;
  /** Input, the image `[1, 3, H, W]`. */
  readonly image: Value;
  /** Input, the masks `[N, 1, H, W]`. The model runs on `image ⊙ mask`. */
  readonly masks: Value;
}

/** Makes such a model from one that takes a batch of images on `input`. The graph multiplies, so that only masks are made and passed on. */
export function maskInput(model: Model, input: string): MaskedModel {
  const { graph } = model;
  const build = new GraphBuilder(freshPrefix(model, "whybox/masked/"));
  const info = graph.inputs.find(({ name }) => name === input)!;
  const [batch, , ...size] = info.shape ?? [];
  const isKnown = batch !== undefined;
  const image = build.input(build.fresh("image"), isKnown ? [1, 3, ...size] : undefined, info.elemType);
  const masks = build.input(build.fresh("masks"), isKnown ? [batch, 1, ...size] : undefined, info.elemType);
  build.node("Mul", [image, masks], [input], {}, build.fresh("mask"));
  const others = graph.inputs.filter(({ name }) => name !== input);
  return {
    image,
    masks,
    model: {
      ...model,
      graph: { ...graph, inputs: [...build.inputs, ...others], nodes: [...build.nodes, ...graph.nodes] },
    },
  };
}
