import { WhyboxError } from "../../errors.js";
import { intsAttribute } from "../../onnx/attributes.js";
import { GraphBuilder } from "../../onnx/builder.js";
import { dataTypeName } from "../../onnx/data-types.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { indexOf } from "../../onnx/graph.js";
import { DataType, type Dim, type Model, type ValueInfo } from "../../onnx/model.js";
import type { FoundHead } from "../find-head.js";

/** The image input of a model, as declared in the file. */
export interface ImageInput {
  readonly declared: ValueInfo;
  /** Names of other, small inputs, such as the factors that scale boxes after the predictions (original RT-DETR exports). */
  readonly others: readonly string[];
  /** Channels before or after height and width: `[1, 3, H, W]` or `[1, H, W, 3]`. */
  readonly layout: "NCHW" | "NHWC";
  /** Batch size: a number if the file fixes it. */
  readonly batch: Dim;
  /** True for one image without the batch axis: `[3, H, W]` or `[H, W, 3]`, as in torchvision's exports of a list of images. */
  readonly isUnbatched: boolean;
  /** `[h, w]`. A side is undefined unless the file fixes it. */
  readonly sides: readonly [height: number | undefined, width: number | undefined];
  /** True for integer pixels. Their range is always 0..255. */
  readonly isInteger: boolean;
}

/** Integer pixel types. The reader converts half and double precision to float32. */
const INTEGERS: ReadonlySet<number> = new Set([DataType.UINT8, DataType.INT32, DataType.INT64]);

/** Maximum batch size and side of an image input. */
const MAX_BATCH = 1024;
const MAX_SIDE = 16_384;

/** Finds the image input of a model. @throws unsupported-model when there is not exactly one, or it is not an RGB image. */
export function imageInput(model: Model): ImageInput {
  const { inputs } = model.graph;
  const refuse = (advice: string): never => {
    throw refuseInputs(inputs, advice);
  };
  const [declared, ...more] = inputs.length === 1 ? inputs : inputs.filter((input) => !isSmall(input));
  if (declared === undefined || more.length > 0) return refuse(ONLY_IMAGE);
  const others = inputs.filter((input) => input !== declared).map(({ name }) => name);
  const { elemType, shape } = declared;
  if (elemType !== DataType.FLOAT && !INTEGERS.has(elemType)) {
    return refuse("Pixels of this type are not supported. Export it with float32 or uint8 input.");
  }
  const isUnbatched = shape?.length === 3;
  if (shape !== undefined && shape.length !== 4 && !isUnbatched) {
    return refuse(`An image has 4 axes (batch, channels, height and width), but this input has ${shape.length}.`);
  }
  const dims = isUnbatched ? [1, ...shape] : (shape ?? [null, null, null, null]);
  const layout = layoutOf(model, declared.name, dims);
  if (layout === undefined) return refuse("Only models with three colour channels are supported.");
  const [batch, height, width] = layout === "NCHW" ? [dims[0]!, dims[2]!, dims[3]!] : [dims[0]!, dims[1]!, dims[2]!];
  const isBad = (dim: Dim, max: number): boolean => typeof dim === "number" && !(dim >= 1 && dim <= max);
  if (isBad(batch, MAX_BATCH) || isBad(height, MAX_SIDE) || isBad(width, MAX_SIDE)) {
    return refuse(
      `The sizes are out of range: batch 1 to ${MAX_BATCH}, height and width 1 to ${MAX_SIDE}. Export it again.`,
    );
  }
  const isInteger = INTEGERS.has(elemType);
  return { declared, others, layout, batch, isUnbatched, sides: [sizeOf(height), sizeOf(width)], isInteger };
}

const ONLY_IMAGE = "Export it with the image as its only input.";

/** True for a vector, or a batch of vectors. These have too few axes for an image. */
function isSmall({ shape }: ValueInfo): boolean {
  return shape !== undefined && shape.length <= 2;
}

/** The height and width of the image, as Keras' YOLOv3 takes them to return boxes from a letterbox. */
const IMAGE_SHAPE = /^image_?shape/i;

/**
 * Computes an input with the height and width of the image from the image that the network gets. Boxes then stay in its pixels, and depend on
 * nothing else.
 * @param planes the model after `toPlanes`.
 * @param inputs those of the file.
 */
export function withImageShape(
  planes: Model,
  image: ImageInput,
  inputs: readonly ValueInfo[],
): { readonly model: Model; readonly others: readonly string[] } {
  const { graph } = planes;
  const taken = inputs.filter(
    ({ name, shape }) => image.others.includes(name) && IMAGE_SHAPE.test(name) && shape?.at(-1) === 2,
  );
  if (taken.length === 0) return { model: planes, others: image.others };
  const build = new GraphBuilder(freshPrefix(planes, "whybox/shape/"));
  for (const { name, elemType, shape } of taken) {
    const sides = build.op("Shape", [image.declared.name], { start: 2, end: 4 });
    const shaped = shape?.length === 2 ? build.op("Unsqueeze", [sides, build.ints([0])]) : sides;
    build.node("Cast", [shaped], [name], { to: elemType });
  }
  const initializers = new Map([...graph.initializers, ...build.initializers]);
  return {
    model: { ...planes, graph: { ...graph, nodes: [...build.nodes, ...graph.nodes], initializers } },
    others: image.others.filter((other) => !taken.some(({ name }) => name === other)),
  };
}

/**
 * Removes the other inputs of a model, and all nodes and outputs that depend on them. Boxes scaled to the image size come after the predictions,
 * so the predictions stay.
 * @throws unsupported-model when the predictions depend on the other inputs.
 */
export function withoutOthers(
  { model, head }: FoundHead,
  inputs: readonly ValueInfo[],
  others: readonly string[],
): FoundHead {
  if (others.length === 0) return { model, head };
  const { graph } = model;
  const dependent = indexOf(graph).descendants(others);
  if ([head.output, head.prototypes ?? ""].some((value) => dependent.has(value)))
    throw refuseInputs(inputs, ONLY_IMAGE);
  const nodes = graph.nodes.filter((node) => !node.outputs.some((output) => dependent.has(output)));
  const outputs = graph.outputs.filter(({ name }) => !dependent.has(name));
  return { model: { ...model, graph: { ...graph, nodes, outputs } }, head };
}

function refuseInputs(inputs: readonly ValueInfo[], advice: string): WhyboxError {
  const described = inputs.map(describe).join("; ") || "none";
  return new WhyboxError(
    "unsupported-model",
    `The model's inputs are: ${described}. Expected one image, [1, 3, H, W] or [1, H, W, 3], of floats or bytes. ${advice}`,
    { details: { inputs: inputs.map(({ name, shape }) => ({ name, shape })) } },
  );
}

/** The layout, from the position of the three channels. If the file does not declare it, from a Transpose of the input to NCHW. */
function layoutOf(model: Model, name: string, [, second, , last]: readonly Dim[]): ImageInput["layout"] | undefined {
  if (second === 3) return "NCHW";
  if (last === 3) return "NHWC";
  if (typeof last === "number" && typeof second === "number") return undefined;
  const readers = indexOf(model.graph).consumers(name);
  if (readers.some((node) => intsAttribute(node, "perm")?.join() === "0,3,1,2")) return "NHWC";
  return typeof second === "number" ? undefined : "NCHW";
}

function sizeOf(dim: Dim | undefined): number | undefined {
  return typeof dim === "number" ? dim : undefined;
}

function describe({ name, elemType, shape }: ValueInfo): string {
  const type = elemType === DataType.FLOAT ? "" : `${dataTypeName(elemType)} `;
  return `${name} ${type}[${shape?.map((dim) => dim ?? "?").join(", ") ?? "?"}]`;
}
