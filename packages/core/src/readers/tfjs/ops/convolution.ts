import type { Value } from "../../../onnx/builder.js";
import { floatAttr, intAttr, intsAttr, stringAttr, stringsAttr } from "../attributes.js";
import type { TfDim, TfTensor, TfValue, Translate, Translation } from "../translation.js";
import type { TfConstant } from "../weights.js";

/** Convolutions. A fused one is followed by BiasAdd and an activation. */
export const convolutionOps: Readonly<Record<string, Translate>> = {
  BiasAdd: biasAdd,
  // NHWC image, HWIO weights.
  Conv2D: (cx) => convolution(cx, false, undefined),
  Conv2DBackpropInput: conv2dTransposed,
  // Weights [H, W, C, M]; channel c gives outputs c·M … c·M + M − 1.
  DepthwiseConv2dNative: (cx) => convolution(cx, true, undefined),
  FusedDepthwiseConv2dNative: (cx) => withFusedOps(cx, () => convolution(cx, true, 2)),
  _FusedConv2D: (cx) => withFusedOps(cx, () => convolution(cx, false, 2)),
};

/** BiasAdd on an image or on a matrix: the bias runs along the last axis. */
function biasAdd(cx: Translation): TfValue {
  const input = cx.tensor(0);
  expectNhwc(cx);
  const bias = biasOf(cx, 1, input.dims[input.dims.length - 1] ?? null);
  const dims = input.layout === "nchw" ? [bias.data.length, 1, 1] : [bias.data.length];
  return cx.made(cx.builder.op("Add", [input.value, cx.builder.floats(dims, bias.data)]), input.dims, input.layout);
}

/** Splits a fused op into the ops before its activation (`make`) and the activation. */
export function withFusedOps(cx: Translation, make: () => TfTensor): TfTensor {
  const [first, second, ...rest] = stringsAttr(cx.node, "fused_ops");
  if (first !== "BiasAdd" || rest.length > 0) {
    throw cx.unsupported(
      `fused_ops are [${[first, second, ...rest].filter(Boolean).join(", ")}], expected BiasAdd and at most one activation`,
    );
  }
  const args = intAttr(cx.node, "num_args", 1);
  if (args !== (second === "Prelu" ? 2 : 1)) throw cx.unsupported(`it has ${args} fused arguments`);
  const output = make();
  return second === undefined ? output : activation(cx, output, second);
}

function activation(cx: Translation, x: TfTensor, name: string): TfTensor {
  const make = (value: Value): TfTensor => cx.made(value, x.dims, x.layout);
  if (name === "Relu" || name === "Elu" || name === "Sigmoid" || name === "Tanh")
    return make(cx.builder.op(name, [x.value]));
  if (name === "Relu6") return make(cx.builder.op("Clip", [x.value, cx.builder.float(0), cx.builder.float(6)]));
  if (name === "LeakyRelu") {
    return make(cx.builder.op(name, [x.value], { alpha: { float: floatAttr(cx.node, "leakyrelu_alpha", 0.2) } }));
  }
  if (name === "Prelu") {
    const alpha = cx.constant(3);
    const channels = x.layout === "nchw" ? [alpha.data.length, 1, 1] : [alpha.data.length];
    return make(cx.builder.op("PRelu", [x.value, cx.literal(channels, alpha)]));
  }
  throw cx.unsupported(`the fused activation is ${name}, expected Relu, Relu6, Elu, LeakyRelu, Prelu, Sigmoid or Tanh`);
}

function convolution(cx: Translation, depthwise: boolean, biasInput: number | undefined): TfTensor {
  expectNhwc(cx);
  const { image, pads: foreign } = imageWithPads(cx, (fill) => fill === 0);
  const weights = cx.constant(1);
  const [kh, kw, I, O] = kernelDims(cx, weights, image, depthwise);
  const outputs = depthwise ? I * O : O;
  const inputs = [
    image.value,
    cx.builder.floats(depthwise ? [outputs, 1, kh, kw] : [O, I, kh, kw], toOihw(weights, depthwise)),
  ];
  if (biasInput !== undefined) {
    inputs.push(cx.builder.floats([outputs], biasOf(cx, biasInput, outputs).data as Float32Array));
  }
  const [strideH, strideW] = spatial(cx, "strides");
  const [dilationH, dilationW] = spatial(cx, "dilations");
  const window = {
    kernel: [(kh - 1) * dilationH + 1, (kw - 1) * dilationW + 1],
    strides: [strideH, strideW],
  };
  const { attributes, dims } = windowing(cx, window, image.dims, foreign);
  const value = cx.builder.op("Conv", inputs, {
    dilations: [dilationH, dilationW],
    group: depthwise ? I : groupsOf(image, I),
    kernel_shape: [kh, kw],
    ...attributes,
    strides: [strideH, strideW],
  });
  return cx.made(value, [image.dims[0] ?? null, ...dims, outputs], "nchw");
}

/**
 * Input 0 as an image, and the pads of a pending Pad with value `fill`. Only a VALID window may take them.
 * `dims` of the image do not include the pads.
 */
export function imageWithPads(
  cx: Translation,
  fill: (value: number) => boolean,
): { image: TfTensor; pads: readonly number[] | undefined } {
  const raw = cx.rawTensor(0);
  const { pending, ...image } = raw;
  const fits = pending !== undefined && raw.layout === "nchw" && fill(pending.fill);
  if (!fits || stringAttr(cx.node, "padding", "VALID") !== "VALID") return { image: cx.image(0), pads: undefined };
  const [top, left, bottom, right] = pending.pads as [number, number, number, number];
  const [N, H, W, C] = raw.dims as [TfDim, TfDim, TfDim, TfDim];
  const shrink = (size: TfDim, by: number): TfDim => (size === null ? null : size - by);
  return { image: { ...image, dims: [N, shrink(H, top + bottom), shrink(W, left + right), C] }, pads: pending.pads };
}

/**
 * Pads of a convolution or pooling, and its output size. SAME with stride 1 has the same pads at every size, so they become
 * explicit. With a larger stride they depend on the size and stay `auto_pad`.
 * @param foreign pads of a Pad node before it.
 */
export function windowing(
  cx: Translation,
  window: { readonly kernel: readonly number[]; readonly strides: readonly number[] },
  dims: readonly TfDim[],
  foreign: readonly number[] | undefined,
): { attributes: { pads: number[] } | { auto_pad: string }; dims: TfDim[] } {
  const padding = stringAttr(cx.node, "padding", "VALID");
  const sizes = [dims[1] ?? null, dims[2] ?? null];
  if (padding === "SAME") {
    const out = sizes.map((size, i) => (size === null ? null : Math.ceil(size / window.strides[i]!)));
    if (window.strides.some((stride) => stride !== 1)) return { attributes: { auto_pad: "SAME_UPPER" }, dims: out };
    const before = window.kernel.map((kernel) => Math.floor((kernel - 1) / 2));
    const after = window.kernel.map((kernel) => Math.ceil((kernel - 1) / 2));
    return { attributes: { pads: [...before, ...after] }, dims: out };
  }
  if (padding !== "VALID") throw cx.unsupported(`padding is ${padding}, expected SAME or VALID`);
  const pads = foreign ?? [0, 0, 0, 0];
  const out = sizes.map((size, i) => {
    if (size === null) return null;
    const room = size + pads[i]! + pads[i + 2]! - window.kernel[i]!;
    if (room < 0) throw cx.unsupported(`its window of ${window.kernel[i]} is larger than the input of ${size}`);
    return Math.floor(room / window.strides[i]!) + 1;
  });
  return { attributes: { pads: [...pads] }, dims: out };
}

/** The height and width entries of a four-element attribute (NHWC). Batch and channels must be 1. */
export function spatial(cx: Translation, name: string): [number, number] {
  const [n, h, w, c] = intsAttr(cx.node, name);
  if (n === undefined) return [1, 1];
  if (n !== 1 || c !== 1 || h === undefined || w === undefined || !(h >= 1 && w >= 1 && h <= 4096 && w <= 4096)) {
    throw cx.unsupported(`${name} are [${intsAttr(cx.node, name).join(", ")}], expected [1, h, w, 1]`);
  }
  return [h, w];
}

export function expectNhwc(cx: Translation): void {
  const format = stringAttr(cx.node, "data_format", "NHWC");
  if (format !== "NHWC") throw cx.unsupported(`data_format is ${format}, expected NHWC`);
}

/**
 * Conv2DBackpropInput, a transposed convolution in Keras and ONNX. Inputs: the output's size, weights [H, W, O, I], the
 * image. Supported if the output size is the input size times the stride.
 */
function conv2dTransposed(cx: Translation): TfValue {
  expectNhwc(cx);
  const [, outH, outW] = cx.integers(0);
  const weights = cx.constant(1);
  const image = cx.image(2);
  const [KH, KW, O, I] = weights.dims as [number, number, number, number];
  const [N, H, W, C] = image.dims as [TfDim, TfDim, TfDim, TfDim];
  const strides = spatial(cx, "strides");
  const sizes = [H, W].map((size, i) => (size === null ? null : size * strides[i]!));
  if (weights.dims.length !== 4 || I !== C || sizes[0] !== outH || sizes[1] !== outW) {
    throw cx.unsupported(`it makes ${outH} × ${outW} of ${H} × ${W} with strides [${strides.join(", ")}]`);
  }
  const padding = stringAttr(cx.node, "padding", "VALID");
  const surplus = [KH, KW].map((kernel, i) => Math.max(kernel - strides[i]!, 0));
  if (padding !== "SAME" && surplus.some((size) => size > 0)) throw cx.unsupported(`its padding is ${padding}`);
  const missing = [KH, KW].map((kernel, i) => Math.max(strides[i]! - kernel, 0));
  const before = surplus.map((size) => Math.floor(size / 2));
  const after = surplus.map((size) => Math.ceil(size / 2));
  // Read as [H, W, I', O'], the kernel is ONNX's [O', I', H, W]: ConvTranspose uses the weights of the forward convolution.
  const kernel = cx.builder.floats([I, O, KH, KW], toOihw(weights, false));
  const value = cx.builder.op("ConvTranspose", [image.value, kernel], {
    kernel_shape: [KH, KW],
    output_padding: missing,
    pads: [...before, ...after],
    strides: [...strides],
  });
  return cx.made(value, [N, outH!, outW!, O], "nchw");
}

/** A Conv2D whose weights have fewer inputs than the image has channels is a grouped convolution. */
function groupsOf(image: TfTensor, inputs: number): number {
  const [, , , C = null] = image.dims;
  return C === null ? 1 : C / inputs;
}

function kernelDims(
  cx: Translation,
  weights: TfConstant,
  image: TfTensor,
  depthwise: boolean,
): readonly [number, number, number, number] {
  const [, , , C = null] = image.dims;
  const dims = weights.dims;
  const groups = groupsOf(image, dims[2]!);
  const fits = C === null || dims[2] === C || (!depthwise && Number.isInteger(groups) && dims[3]! % groups === 0);
  if (weights.dtype !== "float32" || dims.length !== 4 || dims.some((dim) => dim < 1) || !fits) {
    throw cx.unsupported(
      `its weights are ${weights.dtype} [${dims.join(", ")}], expected float32 [h, w, ${C}, ${depthwise ? "multiplier" : "outputs"}]`,
    );
  }
  return dims as [number, number, number, number];
}

function biasOf(cx: Translation, index: number, size: TfDim): TfConstant & { readonly data: Float32Array } {
  const bias = cx.constant(index);
  if (!(bias.data instanceof Float32Array) || bias.dims.length !== 1 || (size !== null && bias.dims[0] !== size)) {
    throw cx.unsupported(`its bias is ${bias.dtype} [${bias.dims.join(", ")}], expected float32 [${size}]`);
  }
  return { ...bias, data: bias.data };
}

/** [H, W, I, O] to [O, I, H, W]; depthwise [H, W, C, M] to [C·M, 1, H, W]. */
function toOihw(weights: TfConstant, depthwise: boolean): Float32Array {
  const [H, W, I, O] = weights.dims as [number, number, number, number];
  const source = weights.data;
  const target = new Float32Array(source.length);
  const area = H * W;
  let from = 0;
  for (let cell = 0; cell < area; cell++) {
    for (let i = 0; i < I; i++) {
      for (let o = 0; o < O; o++) target[(depthwise ? i * O + o : o * I + i) * area + cell] = source[from++]!;
    }
  }
  return target;
}
