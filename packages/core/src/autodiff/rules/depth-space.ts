import { intAttribute, stringAttribute } from "../../onnx/attributes.js";
import type { GradRule } from "../rule.js";
import { join } from "./axes.js";

/** Gradient of DepthToSpace: SpaceToDepth, with the channels in the order of the mode (DCR or CRD). */
export const depthToSpaceRule: GradRule = {
  op: "DepthToSpace",
  vjp(cx) {
    const { build } = cx;
    const blocksize = intAttribute(cx.node, "blocksize", 1);
    const g = cx.cotangent(0)!;
    const blocks = cx.op("SpaceToDepth", [g], { blocksize });
    if (stringAttribute(cx.node, "mode", "DCR") === "DCR") return [blocks];
    // SpaceToDepth orders the position in the block before the channel; CRD orders it after the channel.
    const channels = cx.op("Shape", [g], { start: 1, end: 2 });
    const split = join(cx, build.ints([0, blocksize * blocksize]), channels, build.ints([-1]));
    const swapped = cx.op("Transpose", [cx.op("Reshape", [blocks, split])], { perm: [0, 2, 1, 3] });
    return [cx.reshapeLike(swapped, cx.input(0))];
  },
};

/** Gradient of SpaceToDepth: DepthToSpace in DCR mode. */
export const spaceToDepthRule: GradRule = {
  op: "SpaceToDepth",
  vjp(cx) {
    const blocksize = intAttribute(cx.node, "blocksize", 1);
    return [cx.op("DepthToSpace", [cx.cotangent(0)!], { blocksize, mode: "DCR" })];
  },
};
