import type { AttributeLiteral } from "../../../onnx/attributes.js";
import { boolAttr } from "../attributes.js";
import type { TfDim, TfValue, Translate, Translation } from "../translation.js";
import { expectNhwc, spatial, windowing } from "./convolution.js";

export const maxPool: Translate = (cx) => {
  // ONNX Runtime 1.30 merges such a Pad into the MaxPool, whose own padding is minus infinity: a wrong maximum.
  if (cx.rawTensor(0).pendingPads !== undefined) throw cx.unsupported("a Pad of zeros comes before it");
  return pool(cx, "MaxPool", { ceil_mode: 0 });
};

/** TF's average leaves the padding out. */
export const avgPool: Translate = (cx) => pool(cx, "AveragePool", { ceil_mode: 0, count_include_pad: 0 });

function pool(cx: Translation, op: string, extra: Readonly<Record<string, AttributeLiteral>>): TfValue {
  expectNhwc(cx);
  const image = cx.image(0);
  const kernel = spatial(cx, "ksize");
  const strides = spatial(cx, "strides");
  const { attributes, dims } = windowing(cx, { kernel, strides }, image.dims, undefined);
  const value = cx.builder.op(op, [image.value], { ...extra, kernel_shape: kernel, ...attributes, strides });
  return cx.made(value, [image.dims[0] ?? null, ...dims, image.dims[3] ?? null], "nchw");
}

/**
 * ResizeNearestNeighbor. A whole factor is written as a scale, so that the graph serves other input sizes, too; it
 * copies each pixel in all of TF's coordinate modes but align_corners.
 */
export function resizeNearest(cx: Translation): TfValue {
  const image = cx.image(0);
  const [height, width] = cx.integers(1);
  const [N, H, W, C] = image.dims as [TfDim, TfDim, TfDim, TfDim];
  if (height === undefined || width === undefined || height < 1 || width < 1) {
    throw cx.unsupported("its size is not [height, width]");
  }
  const corners = boolAttr(cx.node, "align_corners", false);
  const dims = [N, height, width, C];
  if (!corners && H !== null && W !== null && height % H === 0 && width % W === 0) {
    const scales = cx.builder.floats([4], [1, 1, height / H, width / W]);
    return cx.made(cx.builder.op("Resize", [image.value, "", scales], REPEAT), dims, "nchw");
  }
  if (N === null || C === null) throw cx.unsupported("its batch or channels are open and its factor is not whole");
  const sizes = cx.builder.ints([N, C, height, width]);
  const attributes = corners
    ? mode("align_corners", "round_prefer_ceil")
    : boolAttr(cx.node, "half_pixel_centers", false)
      ? mode("half_pixel", "round_prefer_ceil")
      : REPEAT;
  return cx.made(cx.builder.op("Resize", [image.value, "", "", sizes], attributes), dims, "nchw");
}

const mode = (coordinates: string, nearest: string) => ({
  coordinate_transformation_mode: coordinates,
  mode: "nearest",
  nearest_mode: nearest,
});

const REPEAT = mode("asymmetric", "floor");
