import { WhyboxError } from "../../errors.js";
import { intAttribute } from "../../onnx/attributes.js";
import type { Value } from "../../onnx/builder.js";
import { DataType, type TensorProto } from "../../onnx/model.js";
import { sizeOf } from "../../tensor/tensor.js";
import type { GradRule, VjpContext } from "../rule.js";
import { padBy, part } from "./axes.js";
import { phasedConv } from "./strided-conv.js";
import { swappedWeight, type TapMove } from "./swapped-weight.js";
import { beginPads, cutToInput, type Pads, reach, spatialAxes, type Window, windowOf } from "./window.js";

/**
 * Gradient of a Conv on its input. With a constant weight: for stride 1 a Conv with the flipped weight, for other strides a Conv
 * for each phase. Both are faster than ConvTranspose, which does all others. Costs one forward pass of the node.
 * @throws no-gradient when the gradient on a weight or bias is wanted.
 */
export const convRule: GradRule = {
  op: "Conv",
  vjp: (cx) => inputGradient(cx, phasedConv),
};

/**
 * The same rule with a ConvTranspose for each strided Conv. For WebGPU, where the convolutions of the phases, which are padded at one end
 * only, give wrong values (seen with ONNX Runtime Web 1.30).
 */
export const convWithoutPhases: GradRule = {
  op: "Conv",
  vjp: (cx) => inputGradient(cx, () => undefined),
};

function inputGradient(cx: VjpContext, strided: typeof phasedConv): (Value | null)[] {
  refuseWeights(cx);
  const g = cx.cotangent(0)!;
  const window = windowOf(cx, 1);
  const weight = cx.constant(1);
  if (weight !== undefined) checkWeight(cx, window, weight);
  const readable = weight?.dataType === DataType.FLOAT && weight.external === undefined ? weight : undefined;
  const hasUnitStrides = window.strides.every((stride) => stride === 1);
  const unit = (own: TensorProto) => window.pads && flippedConv(cx, g, window, window.pads, own);
  const dx = readable && (hasUnitStrides ? unit(readable) : strided(cx, g, window, readable));
  return [dx ?? transposedConv(cx, g, window), ...cx.node.inputs.slice(1).map(() => null)];
}

/** @throws bad-input when the dims of the weight do not fit the kernel and the number of groups. */
function checkWeight({ node }: VjpContext, { kernel }: Window, { dims }: TensorProto): void {
  const group = intAttribute(node, "group", 1);
  const [first = 0, , ...taps] = dims;
  const fits = dims.length === kernel.length + 2 && kernel.every((size, i) => size === taps[i]) && first % group === 0;
  if (fits) return;
  throw new WhyboxError(
    "bad-input",
    `Node "${node.name}" (${node.opType}): the weight has dims [${dims.slice(0, 16).join(", ")}], expected [M, C, ${kernel.join(", ")}], with M a ` +
      `multiple of the ${group} groups. The model file is broken; export it again.`,
    { details: { node: node.name, op: node.opType, dims, kernel, group } },
  );
}

/** @throws no-gradient when the weight or bias of this node depends on the layer. */
export function refuseWeights(cx: VjpContext): void {
  const { node } = cx;
  const wanted = node.inputs.findIndex((_, i) => i > 0 && cx.wants(i));
  if (wanted < 0) return;
  throw new WhyboxError(
    "no-gradient",
    `Node "${node.name}" (${node.opType}): input ${wanted} ("${node.inputs[wanted]}") depends on the layer, and only the ` +
      "gradient on the first input is known. Choose a layer behind this node, or use a gradient-free method.",
    { details: { node: node.name, op: node.opType, input: wanted } },
  );
}

/** dx = Conv(g, W flipped, with inputs and outputs swapped), padded by reach − pad: exactly the input's size. */
function flippedConv(cx: VjpContext, g: Value, window: Window, pads: Pads, weight: TensorProto): Value {
  const { build } = cx;
  const group = intAttribute(cx.node, "group", 1);
  const margin = reach(window);
  const rest = [...margin.map((r, i) => r - pads.begin[i]!), ...margin.map((r, i) => r - pads.end[i]!)];
  const crop = rest.map((pad) => Math.min(0, pad));
  const cropped = crop.some((pad) => pad < 0)
    ? padBy(cx, g, build.ints(crop.slice(0, margin.length)), build.ints(crop.slice(margin.length)), spatialAxes(window))
    : g;
  const [M = 1, C = 1] = weight.dims;
  const dims = [C * group, M / group, ...weight.dims.slice(2)];
  return cx.op("Conv", [cropped, build.weights(dims, () => flipWeight(weight, group))], {
    kernel_shape: window.kernel,
    strides: window.strides,
    dilations: window.dilations,
    pads: rest.map((pad) => Math.max(0, pad)),
    group,
  });
}

/** W [M, C/g, k…] as [C, M/g, k… reversed], group by group. */
function flipWeight(weight: TensorProto, group: number): Float32Array {
  const taps = sizeOf(weight.dims.slice(2));
  const reversed = Array.from({ length: taps }, (_, tap): TapMove => [tap, taps - 1 - tap]);
  return swappedWeight(weight, { group, taps, copies: [reversed] });
}

/** dx = ConvTranspose(g, W), cropped to the input's size: it is larger when the stride does not divide the size. */
function transposedConv(cx: VjpContext, g: Value, window: Window): Value {
  const { build } = cx;
  const x = cx.input(0);
  const attributes = {
    kernel_shape: window.kernel,
    strides: window.strides,
    dilations: window.dilations,
    group: intAttribute(cx.node, "group", 1),
  };
  const { pads } = window;
  if (pads === undefined) {
    const none = [...window.kernel, ...window.kernel].fill(0);
    const full = cx.op("ConvTranspose", [g, cx.input(1)], { ...attributes, pads: none });
    return cutToInput(cx, window, full, x, beginPads(cx, window, x, g));
  }
  // The stride skips up to stride − 1 entries at the end. Less padding or output_padding adds them.
  const spare = window.strides.map((stride, i) => stride - 1 - pads.end[i]!);
  const large = cx.op("ConvTranspose", [g, cx.input(1)], {
    ...attributes,
    pads: [...pads.begin, ...spare.map((s) => Math.max(0, -s))],
    output_padding: spare.map((s) => Math.max(0, s)),
  });
  if (window.strides.every((stride) => stride === 1)) return large;
  const starts = build.ints(window.kernel.map(() => 0));
  return cx.op("Slice", [large, starts, part(cx, cx.shape(x), 2), build.ints(spatialAxes(window).axes)]);
}
