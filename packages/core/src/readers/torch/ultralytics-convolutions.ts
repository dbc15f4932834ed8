import { mergedConvolution } from "./merged-convolution.js";
import type { TorchModule } from "./module.js";
import { blockOf, chainOf, type ModuleBuilder, type ModuleCall } from "./module-context.js";
import type { Feature } from "./network-writer.js";
import { convolutionIn } from "./torch-modules.js";

/** The convolution and normalisation of a module Conv without activation. */
function branchOf(conv: TorchModule): { conv: TorchModule; norm: TorchModule | undefined } {
  conv.expectOnly("conv", "bn", "act");
  if (conv.childOrNone("act") !== undefined && conv.child("act").type.name !== "Identity") {
    throw conv.unknown("it is a branch of another module and has an activation");
  }
  return { conv: conv.child("conv"), norm: conv.childOrNone("bn") };
}

/** Parallel convolutions that are added before the activation. A fused checkpoint has one convolution. */
const repConv = blockOf(["conv", "conv1", "conv2", "bn", "act"], (call) => {
  const { module, x } = call;
  if (module.childOrNone("conv") !== undefined) return call.call("act", convolutionIn(call, "conv", undefined, x));
  const branches = ["conv1", "conv2"].map((name) => branchOf(module.child(name)));
  return call.call("act", mergedConvolution(call, branches, module.childOrNone("bn")));
});

/** Depthwise, 7×7 and 3×3. A fused checkpoint has the sum as its "conv". */
const repVggDw = blockOf(["conv", "conv1", "act"], (call) => {
  const { module, x } = call;
  const small = module.childOrNone("conv1");
  if (small === undefined) return call.call("act", convolutionIn(call, "conv", undefined, x));
  return call.call("act", mergedConvolution(call, [branchOf(module.child("conv")), branchOf(small)]));
});

/** 1×1 without activation, then depthwise. */
const lightConv = chainOf("conv1", "conv2");

/** The mean of each 2×2 pixels, with stride one. */
function smoothed(call: ModuleCall): Feature {
  return call.op("AveragePool", [call.x.value], call.x.channels, {
    ceil_mode: 0,
    count_include_pad: 1,
    kernel_shape: [2, 2],
    pads: [0, 0, 0, 0],
    strides: [1, 1],
  });
}

const aConv = blockOf(["cv1"], (call) => call.call("cv1", smoothed(call)));

/** Half of the channels by a strided convolution, the others by pooling. */
const aDown = blockOf(["cv1", "cv2"], (call) => {
  const [a, b] = call.halves(smoothed(call));
  const pool = { ceil_mode: 0, kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] };
  const first = call.call("cv1", a);
  return call.concat([first, call.call("cv2", call.op("MaxPool", [b.value], b.channels, pool))]);
});

const scDown = chainOf("cv1", "cv2");

/** Convolutions and downsamplings of Ultralytics (nn/modules/conv.py, block.py) that YOLOv5 does not have. */
export const ultralyticsConvolutions: ReadonlyMap<string, ModuleBuilder> = new Map([
  ["RepConv", repConv],
  ["RepVGGDW", repVggDw],
  ["LightConv", lightConv],
  ["AConv", aConv],
  ["ADown", aDown],
  ["SCDown", scDown],
]);
