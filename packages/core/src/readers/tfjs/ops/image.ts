import type { AttributeLiteral } from "../../../onnx/attributes.js";
import { boolAttr, floatAttr, intAttr } from "../attributes.js";
import type { TfDim, TfValue, Translate, Translation } from "../translation.js";
import { expectNhwc, imageWithPads, spatial, windowing } from "./convolution.js";

/** Ops on images. */
export const imageOps: Readonly<Record<string, Translate>> = {
  // TF's average excludes the padding.
  AvgPool: (cx) => pool(cx, "AveragePool", { ceil_mode: 0, count_include_pad: 0 }),
  DepthToSpace: depthToSpace,
  FusedBatchNorm: batchNorm,
  FusedBatchNormV2: batchNorm,
  FusedBatchNormV3: batchNorm,
  MaxPool: maxPool,
  ResizeBilinear: resizeBilinear,
  ResizeNearestNeighbor: resizeNearest,
};

function maxPool(cx: Translation): TfValue {
  // ONNX Runtime 1.30 fuses such a Pad into the MaxPool, which pads with minus infinity: the maximum would be wrong.
  if (cx.rawTensor(0).pending?.fill === 0) throw cx.unsupported("a Pad of zeros comes before it");
  return pool(cx, "MaxPool", { ceil_mode: 0 });
}

function pool(cx: Translation, op: string, extra: Readonly<Record<string, AttributeLiteral>>): TfValue {
  expectNhwc(cx);
  const { image, pads } = imageWithPads(cx, (fill) => op === "MaxPool" && fill < 0);
  const kernel = spatial(cx, "ksize");
  const strides = spatial(cx, "strides");
  const { attributes, dims } = windowing(cx, { kernel, strides }, image.dims, pads);
  const value = cx.builder.op(op, [image.value], { ...extra, kernel_shape: kernel, ...attributes, strides });
  return cx.made(value, [image.dims[0] ?? null, ...dims, image.dims[3] ?? null], "nchw");
}

/** The coordinate transformation, by TF's attributes and with ONNX's names. */
interface Coordinates {
  readonly coordinate_transformation_mode: "align_corners" | "half_pixel" | "asymmetric";
}

/**
 * ResizeNearestNeighbor. An integer factor becomes a scale, so that the graph works for other input sizes too. It
 * copies each pixel in all of TF's coordinate modes except align_corners.
 */
function resizeNearest(cx: Translation): TfValue {
  const given = coordinates(cx);
  const asymmetric = given.coordinate_transformation_mode === "asymmetric";
  const rounding = { mode: "nearest", nearest_mode: asymmetric ? "floor" : "round_prefer_ceil" };
  return resize(cx, { ...given, ...rounding }, (factor) =>
    given.coordinate_transformation_mode !== "align_corners" && Number.isInteger(factor)
      ? { coordinate_transformation_mode: "asymmetric", mode: "nearest", nearest_mode: "floor" }
      : undefined,
  );
}

/** ResizeBilinear. Integer factors, and their reciprocals, become scales. */
function resizeBilinear(cx: Translation): TfValue {
  const attributes = { ...coordinates(cx), mode: "linear" };
  const scales = attributes.coordinate_transformation_mode !== "align_corners";
  return resize(cx, attributes, (factor) =>
    scales && (Number.isInteger(factor) || Number.isInteger(1 / factor)) ? attributes : undefined,
  );
}

function coordinates(cx: Translation): Coordinates {
  if (boolAttr(cx.node, "align_corners", false)) return { coordinate_transformation_mode: "align_corners" };
  const half = boolAttr(cx.node, "half_pixel_centers", false);
  return { coordinate_transformation_mode: half ? "half_pixel" : "asymmetric" };
}

/** `asScale` returns the attributes with which the factor of an axis can be a scale. */
function resize(
  cx: Translation,
  attributes: Readonly<Record<string, string>>,
  asScale: (factor: number) => Readonly<Record<string, string>> | undefined,
): TfValue {
  const image = cx.image(0);
  const [height, width] = cx.integers(1);
  const [N, H, W, C] = image.dims as [TfDim, TfDim, TfDim, TfDim];
  if (height === undefined || width === undefined || height < 1 || width < 1) {
    throw cx.unsupported("its size is not [height, width]");
  }
  const dims = [N, height, width, C];
  const scaled = H === null || W === null ? undefined : asScale(height / H) && asScale(width / W);
  if (scaled !== undefined) {
    const scales = cx.builder.floats([4], [1, 1, height / H!, width / W!]);
    return cx.made(cx.builder.op("Resize", [image.value, "", scales], scaled), dims, "nchw");
  }
  if (N === null || C === null) throw cx.unsupported("its batch or channels are open and its factor is not whole");
  const sizes = cx.builder.ints([N, C, height, width]);
  return cx.made(cx.builder.op("Resize", [image.value, "", "", sizes], attributes), dims, "nchw");
}

/** DepthToSpace: channels become blocks of pixels, in TF's order (the block before the channel). */
function depthToSpace(cx: Translation): TfValue {
  expectNhwc(cx);
  const image = cx.image(0);
  const block = intAttr(cx.node, "block_size", 2);
  const [N, H, W, C] = image.dims as [TfDim, TfDim, TfDim, TfDim];
  if (block < 1 || (C !== null && C % block ** 2 !== 0)) throw cx.unsupported(`${C} channels in blocks of ${block}`);
  const value = cx.builder.op("DepthToSpace", [image.value], { blocksize: block, mode: "DCR" });
  const grown = (size: TfDim): TfDim => (size === null ? null : size * block);
  return cx.made(value, [N, grown(H), grown(W), C === null ? null : C / block ** 2], "nchw");
}

/** FusedBatchNormV3 in inference: (x − mean) / √(variance + ε) · scale + offset, as one multiplication and one addition. */
function batchNorm(cx: Translation): TfValue {
  expectNhwc(cx);
  if (boolAttr(cx.node, "is_training", true)) throw cx.unsupported("it is in training mode");
  const image = cx.image(0);
  const [scale, offset, mean, variance] = [1, 2, 3, 4].map((i) => cx.constant(i).data);
  const epsilon = floatAttr(cx.node, "epsilon", 1e-4);
  const factor = Float32Array.from(scale!, (value, c) => value / Math.sqrt(variance![c]! + epsilon));
  const shift = Float32Array.from(offset!, (value, c) => value - mean![c]! * factor[c]!);
  const channels = [factor.length, 1, 1];
  const scaled = cx.builder.op("Mul", [image.value, cx.builder.floats(channels, factor)]);
  return cx.made(cx.builder.op("Add", [scaled, cx.builder.floats(channels, shift)]), image.dims, "nchw");
}
