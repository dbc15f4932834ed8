import { stringAttribute } from "../attributes.js";
import { change, type Rewrite, unsupportedNode } from "./rewrite.js";

/** Scatter (opset < 11) was renamed to ScatterElements. */
export const scatter: Rewrite = (node) => change(node, { opType: "ScatterElements" });

/** GridSample-16 (opset < 20): "bilinear" and "bicubic" are "linear" and "cubic". */
export const gridSample: Rewrite = (node, cx) => {
  if (cx.opset >= 20) return node;
  const mode = stringAttribute(node, "mode", "bilinear");
  const renamed = mode === "bilinear" ? "linear" : mode === "bicubic" ? "cubic" : mode;
  return change(node, { set: { mode: renamed } });
};

/** RoiAlign-10 (opset < 16) had no half-pixel shift. */
export const roiAlign: Rewrite = (node, cx) => {
  if (cx.opset >= 16) return node;
  return change(node, { set: { coordinate_transformation_mode: "output_half_pixel" } });
};

/** Scan-8 (opset < 9) has a batch axis, which no later Scan has. */
export const scan: Rewrite = (node, cx) => {
  if (cx.opset < 9) throw unsupportedNode(node, "its batch axis has no form in newer opsets", cx);
  return node;
};
