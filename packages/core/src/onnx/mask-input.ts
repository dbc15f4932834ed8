import { GraphBuilder, type Value } from "./builder.js";
import { freshPrefix } from "./fresh-prefix.js";
import type { Model } from "./model.js";

/** A model that takes a batch of masks and some images. Its graph computes the images of the batch, so that only masks are made and passed on. */
export interface MaskedModel<Name extends string> {
  readonly model: Model;
  /** Inputs, images `[1, 3, H, W]`. */
  readonly images: Readonly<Record<Name, Value>>;
  /** Input, the masks `[N, 1, H, W]`. */
  readonly masks: Value;
}

/** The node that computes the images of the batch. */
type LastNode = readonly [op: string, inputs: readonly Value[]];

/** Makes a model that runs on `image ⊙ mask` from one that takes a batch of images on `input`. */
export function maskInput(model: Model, input: string): MaskedModel<"image"> {
  return withMasks(model, input, {
    names: ["image"],
    combine: (_, { image }, masks) => ["Mul", [image, masks]],
  });
}

/** The same for `from ⊙ (1 − mask) + to ⊙ mask`, which is exact for masks of 0 and 1. */
export function blendInput(model: Model, input: string): MaskedModel<"from" | "to"> {
  return withMasks(model, input, {
    names: ["from", "to"],
    combine(build, { from, to }, masks) {
      const rest = build.op("Sub", [build.float(1), masks]);
      return ["Add", [build.op("Mul", [from, rest]), build.op("Mul", [to, masks])]];
    },
  });
}

interface Combination<Name extends string> {
  readonly names: readonly Name[];
  combine(build: GraphBuilder, images: MaskedModel<Name>["images"], masks: Value): LastNode;
}

function withMasks<Name extends string>(
  model: Model,
  input: string,
  { names, combine }: Combination<Name>,
): MaskedModel<Name> {
  const { graph } = model;
  const build = new GraphBuilder(freshPrefix(model, "whybox/masked/"));
  const info = graph.inputs.find(({ name }) => name === input)!;
  const [batch, , ...size] = info.shape ?? [];
  const add = (name: string, first: readonly (string | number)[]) =>
    build.input(build.fresh(name), batch === undefined ? undefined : [...first, ...size], info.elemType);
  const images = Object.fromEntries(names.map((name) => [name, add(name, [1, 3])])) as Record<Name, Value>;
  const masks = add("masks", [batch!, 1]);
  const [op, inputs] = combine(build, images, masks);
  build.node(op, inputs, [input], {}, build.fresh("combined"));
  const others = graph.inputs.filter(({ name }) => name !== input);
  const initializers = new Map([...graph.initializers, ...build.initializers]);
  return {
    ...{ images, masks },
    model: {
      ...model,
      graph: { ...graph, initializers, inputs: [...build.inputs, ...others], nodes: [...build.nodes, ...graph.nodes] },
    },
  };
}
