import { WhyboxError } from "../../errors.js";
import { intsAttribute } from "../../onnx/attributes.js";
import { dataTypeName } from "../../onnx/data-types.js";
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
  if (shape !== undefined && shape.length !== 4) {
    return refuse(`An image has 4 axes (batch, channels, height and width), but this input has ${shape.length}.`);
  }
  const dims = shape ?? [null, null, null, null];
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
  return { declared, others, layout, batch, sides: [sizeOf(height), sizeOf(width)], isInteger };
}

const ONLY_IMAGE = "Export it with the image as its only input.";

/** True for a vector, or a batch of vectors. These have too few axes for an image. */
function isSmall({ shape }: ValueInfo): boolean {
  return shape !== undefined && shape.length <= 2;
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
