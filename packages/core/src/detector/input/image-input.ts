import { WhyboxError } from "../../errors.js";
import { intsAttribute } from "../../onnx/attributes.js";
import { dataTypeName } from "../../onnx/data-types.js";
import { GraphIndex } from "../../onnx/graph.js";
import { DataType, type Dim, type Model, type ValueInfo } from "../../onnx/model.js";

/** The picture that a model takes, as its file declares it. */
export interface ImageInput {
  readonly declared: ValueInfo;
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

/** The one picture that the model takes. @throws unsupported-model when there is another number of inputs, or it is no RGB picture. */
export function imageInput(model: Model): ImageInput {
  const { inputs } = model.graph;
  const refuse = (advice: string): never => {
    const described = inputs.map(describe).join("; ") || "none";
    throw new WhyboxError(
      "unsupported-model",
      `The model's inputs are: ${described}. Expected one picture, [1, 3, H, W] or [1, H, W, 3], of floats or bytes. ${advice}`,
      { details: { inputs: inputs.map(({ name, shape }) => ({ name, shape })) } },
    );
  };
  const [declared] = inputs;
  if (declared === undefined || inputs.length !== 1) return refuse("Export it with the picture as its only input.");
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
  return { declared, layout, batch, sides: [sizeOf(height), sizeOf(width)], isInteger: INTEGERS.has(elemType) };
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
