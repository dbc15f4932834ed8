import type { Size } from "../../image/frame.js";
import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import type { GraphIndex } from "../../onnx/graph.js";
import { DataType, type Model, type ValueInfo } from "../../onnx/model.js";
import { constantFloats } from "../constants.js";
import { append } from "./canonical.js";
import type { FoundHead, HeadContext } from "./context.js";
import { isUndecoded, walkToConvs } from "./head-walk.js";
import { measuredPair } from "./prior-values.js";
import { headOfPriors } from "./priors.js";
import type { Miss } from "./refuse-head.js";

/** The outputs of a head of changes. */
interface Deltas {
  /** `[1, R, 4]`: y1, x1, y2, x2. */
  readonly anchors: Value;
  /** `[1, R, 4]`: dy, dx, dh, dw. */
  readonly changes: Value;
  /** `[1, R, K]`. */
  readonly scores: Value;
}

/**
 * Finds the head of EfficientDet: changes of the anchors, class scores with a sigmoid, and the anchors as an output, constant or computed from the size
 * of the image. Tan et al., "EfficientDet", CVPR 2020. Appends the decoding of the boxes, and reads the result as other priors.
 */
export async function findAnchorDeltas(context: HeadContext): Promise<FoundHead | Miss> {
  const { model, index } = context;
  const deltas = deltasOf(index);
  if ("reason" in deltas) return deltas;
  const sides = constantFloats(index, deltas.anchors);
  // Constant anchors belong to one size of the image, also where the file takes any.
  const inputSize = context.fixedSize === undefined && sides !== undefined ? sizeOfAnchors(sides) : undefined;
  const sized = inputSize === undefined ? context : { ...context, fixedSize: inputSize };
  const decoded = withBoxes(model, deltas);
  const values = await measuredPair(sized, decoded);
  if (typeof values === "string") return { output: deltas.anchors, reason: values, close: true };
  const found = await headOfPriors(sized, values, {
    ...values.pairs[0]!,
    source: `changes "${deltas.changes}" of the anchors "${deltas.anchors}", scores "${deltas.scores}"`,
    assumed: ["anchors are y1 x1 y2 x2, changes dy dx dh dw, as in EfficientDet"],
  });
  if (!("head" in found)) return { ...found, output: deltas.anchors };
  return inputSize === undefined ? found : { ...found, inputSize };
}

function deltasOf(index: GraphIndex): Deltas | Miss {
  const { outputs } = index.graph;
  const miss = (reason: string, output = outputs[0]?.name ?? ""): Miss => ({ output, reason, close: false });
  const walks = new Map(outputs.map(({ name }) => [name, walkToConvs(index, name)]));
  // Where the file takes any size, the exporter may not know the number of columns.
  const isFour = ({ shape }: ValueInfo): boolean => shape?.at(-1) === 4 || typeof shape?.at(-1) !== "number";
  const anchors = outputs.find((output) => {
    const { convs, unexpected } = walks.get(output.name)!;
    return isFour(output) && convs.length === 0 && unexpected === undefined;
  });
  if (anchors === undefined) return miss("no output has anchors");
  const raw = outputs.filter(({ name, shape }) => shape?.length === 3 && isUndecoded(walks.get(name)!));
  const scores = raw.find(({ name }) => walks.get(name)!.ops.has("Sigmoid"));
  const changes = raw.find((output) => output !== scores && isFour(output));
  if (scores === undefined || changes === undefined) {
    return { ...miss("no changes [1, R, 4] and scores [1, R, K] are beside its anchors", anchors.name), close: true };
  }
  return { anchors: anchors.name, changes: changes.name, scores: scores.name };
}

/** The size of the image: the centres of the finest level are as far from its first sides as from its last. */
function sizeOfAnchors(sides: Float32Array): Size | undefined {
  const extent = (low: number, high: number): number => {
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < sides.length; i += 4) {
      const centre = (sides[i + low]! + sides[i + high]!) / 2;
      [least, most] = [Math.min(least, centre), Math.max(most, centre)];
    }
    return Math.round(least + most);
  };
  const size: Size = [extent(0, 2), extent(1, 3)];
  return size.every((side) => side > 0 && side <= MAX_SIDE) ? size : undefined;
}

const MAX_SIDE = 16_384;

/** Appends the boxes `[1, R, 4]` (y first): centre = anchor's centre + change · anchor's size, size = exp(change) · anchor's size. */
function withBoxes(model: Model, { anchors, changes, scores }: Deltas): { model: Model; boxes: Value; scores: Value } {
  const build = new GraphBuilder(freshPrefix(model, "whybox/changed/"));
  const cut = (value: Value, from: number): Value =>
    build.op("Slice", [value, build.ints([from]), build.ints([from + 2]), build.ints([2]), build.ints([1])]);
  const floats = (value: Value): Value => build.op("Cast", [value], { to: DataType.FLOAT });
  const op = (type: string, ...inputs: readonly Value[]): Value => build.op(type, inputs);
  const own = op("Reshape", floats(anchors), build.ints([1, -1, 4]));
  const [low, high] = [cut(own, 0), cut(own, 2)];
  const moved = floats(changes);
  const size = op("Sub", high, low);
  const middle = op("Mul", op("Add", low, high), build.float(0.5));
  const centre = op("Add", op("Mul", cut(moved, 0), size), middle);
  const half = op("Mul", op("Mul", op("Exp", cut(moved, 2)), size), build.float(0.5));
  const boxes = build.op("Concat", [op("Sub", centre, half), op("Add", centre, half)], { axis: 2 });
  return { model: append(model, build), boxes, scores };
}
