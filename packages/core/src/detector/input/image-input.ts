import { WhyboxError } from "../../errors.js";
import { intsAttribute } from "../../onnx/attributes.js";
import { dataTypeName } from "../../onnx/data-types.js";
import { GraphIndex } from "../../onnx/graph.js";
import { DataType, type Dim, type Model, type ValueInfo } from "../../onnx/model.js";
import type { FoundHead } from "../find-head.js";

/** The picture that a model takes, as its file declares it. */
export interface ImageInput {
  readonly declared: ValueInfo;
  /** Inputs beside it, of a few numbers: what boxes are scaled by behind the predictions, as the authors of RT-DETR export it. */
  readonly others: readonly string[];
  /** Channels before or behind the sides: `[1, 3, H, W]` or `[1, H, W, 3]`. */
  readonly layout: "NCHW" | "NHWC";
  /** A number where the file fixes it. */
  readonly batch: Dim;
  /** `[h, w]`, each where the file fixes it. */
  readonly sides: readonly [height: number | undefined, width: number | undefined];
  /** Whole numbers, which can only be 0..255. */
  readonly isInteger: boolean;
}

/** Types of pixels. Half and double precision are float32 once the model is read. */
const INTEGERS: ReadonlySet<number> = new Set([DataType.UINT8, DataType.INT32, DataType.INT64]);

/** Batches and sides past these are no export for pictures. */
const LARGEST_BATCH = 1024;
const LARGEST_SIDE = 16_384;

/** The one picture that the model takes. @throws unsupported-model when it takes none or several, or it is no RGB picture. */
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
    return refuse("Pixels of this type are not known; export it with float32 or uint8 input.");
  }
  if (shape !== undefined && shape.length !== 4) {
    return refuse(`${shape.length} axes are no picture; export it with batch, channels, height and width.`);
  }
  const dims = shape ?? [null, null, null, null];
  const layout = layoutOf(model, declared.name, dims);
  if (layout === undefined) return refuse("Only models of three colour channels can be explained.");
  const [batch, height, width] = layout === "NCHW" ? [dims[0]!, dims[2]!, dims[3]!] : [dims[0]!, dims[1]!, dims[2]!];
  const isBad = (dim: Dim, most: number): boolean => typeof dim === "number" && !(dim >= 1 && dim <= most);
  if (isBad(batch, LARGEST_BATCH) || isBad(height, LARGEST_SIDE) || isBad(width, LARGEST_SIDE)) {
    return refuse("These sizes are no picture's; export it again.");
  }
  const isInteger = INTEGERS.has(elemType);
  return { declared, others, layout, batch, sides: [sizeOf(height), sizeOf(width)], isInteger };
}

const ONLY_IMAGE = "Export it with the picture as its only input.";

/** A vector, or a row of them for a batch: too few axes for a picture. */
function isSmall({ shape }: ValueInfo): boolean {
  return shape !== undefined && shape.length <= 2;
}

/**
 * What was found in a model, without its other inputs and all that depends on them: boxes scaled for a picture's size lie behind the
 * predictions.
 * @throws unsupported-model when the predictions depend on them too.
 */
export function withoutOthers(
  { model, head }: FoundHead,
  inputs: readonly ValueInfo[],
  others: readonly string[],
): FoundHead {
  if (others.length === 0) return { model, head };
  const { graph } = model;
  const dependent = new GraphIndex(graph).descendants(others);
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
    `The model's inputs are: ${described}. Expected one picture, [1, 3, H, W] or [1, H, W, 3], of floats or bytes. ${advice}`,
    { details: { inputs: inputs.map(({ name, shape }) => ({ name, shape })) } },
  );
}

/** By where the three channels are; where the file does not say, by a first Transpose to planes. */
function layoutOf(model: Model, name: string, [, second, , last]: readonly Dim[]): ImageInput["layout"] | undefined {
  if (second === 3) return "NCHW";
  if (last === 3) return "NHWC";
  if (typeof last === "number" && typeof second === "number") return undefined;
  const readers = new GraphIndex(model.graph).consumers(name);
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
