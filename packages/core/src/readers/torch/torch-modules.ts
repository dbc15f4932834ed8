import { convolution, normalisation } from "./convolution.js";
import type { TorchModule } from "./module.js";
import { blockOf, type ModuleBuilder, type ModuleCall } from "./module-context.js";
import type { Feature } from "./network-writer.js";
import { floatsOfTensor } from "./tensor.js";
import type { PickleValue } from "./values.js";

const same: ModuleBuilder = ({ x }) => x;

const elementwise =
  (opType: string): ModuleBuilder =>
  (call) =>
    call.op(opType, [call.x.value], call.x.channels);

/** x · σ(x). */
const siLU: ModuleBuilder = (call) => {
  const { value, channels } = call.x;
  return call.op("Mul", [value, call.op("Sigmoid", [value], channels).value], channels);
};

/** x · tanh(softplus(x)). */
const mish: ModuleBuilder = (call) => {
  const { value, channels } = call.x;
  const gate = call.op("Tanh", [call.op("Softplus", [value], channels).value], channels);
  return call.op("Mul", [value, gate.value], channels);
};

const leakyReLU: ModuleBuilder = (call) =>
  call.op("LeakyRelu", [call.x.value], call.x.channels, { alpha: { float: call.module.number("negative_slope") } });

/** max(0, min(1, x / 6 + 1/2)). */
export const hardSigmoid: ModuleBuilder = (call) =>
  call.op("HardSigmoid", [call.x.value], call.x.channels, { alpha: { float: 1 / 6 }, beta: { float: 0.5 } });

const maxPool: ModuleBuilder = (call) => {
  const { module, x } = call;
  const [kernel, pads] = [module.pair("kernel_size"), module.pair("padding")];
  const strides = module.attribute("stride") === null ? kernel : module.pair("stride");
  if ([...kernel, ...strides].includes(0)) throw module.odd("kernel_size", "kernel and stride from 1 on");
  if (module.pair("dilation").some((step) => step !== 1) || module.flag("return_indices", false)) {
    throw module.unknown("it is dilated or returns indices");
  }
  return call.op("MaxPool", [x.value], x.channels, {
    ceil_mode: module.flag("ceil_mode", false) ? 1 : 0,
    kernel_shape: kernel,
    pads: [...pads, ...pads],
    strides,
  });
};

/**
 * Pads the image with zeros, by a convolution that copies each channel. ONNX Runtime 1.30 would fuse a Pad before a MaxPool (yolov3-tiny)
 * into the MaxPool, which pads with −∞.
 */
const zeroPad: ModuleBuilder = (call) => {
  const { module, writer, x } = call;
  const padding = module.attribute("padding");
  const isSize = (side: PickleValue) => typeof side === "number" && Number.isInteger(side) && side >= 0 && side < 256;
  if (!Array.isArray(padding) || padding.length !== 4 || !padding.every(isSize))
    throw module.odd("padding", "four whole numbers from 0 to 255");
  const [left, right, top, bottom] = padding as number[];
  const count = x.channels;
  const ones = writer.floats(`whybox/ones-${count}`, [count, 1, 1, 1], () => new Float32Array(count).fill(1));
  return call.op("Conv", [x.value, ones], count, {
    dilations: [1, 1],
    group: count,
    kernel_shape: [1, 1],
    pads: [top!, left!, bottom!, right!],
    strides: [1, 1],
  });
};

const upsample: ModuleBuilder = (call) => {
  const { module, x } = call;
  if (module.attribute("mode") !== "nearest" || (module.attribute("size") ?? null) !== null) {
    throw module.unknown("only nearest upsampling by a factor is");
  }
  const [height, width] = module.pair("scale_factor");
  if (height < 1 || width < 1) throw module.odd("scale_factor", "factors from 1 on");
  return upsampled(call, x, height, width);
};

export const NEAREST = {
  coordinate_transformation_mode: "asymmetric",
  mode: "nearest",
  nearest_mode: "floor",
} as const;

/** Repeats each pixel `height` times vertically and `width` times horizontally. */
export function upsampled(call: ModuleCall, x: Feature, height: number, width: number): Feature {
  const name = `whybox/scales-${height}-${width}`;
  const scales = call.writer.floats(name, [4], () => Float32Array.of(1, 1, height, width));
  return call.op("Resize", [x.value, "", scales], x.channels, NEAREST);
}

/** ConvTranspose2d: weights `[in, out/group, height, width]`. */
const convTranspose = blockOf(["weight", "bias"], (call) => {
  const { module, x } = call;
  const [kernel, strides, dilations, pads, extra] = [
    "kernel_size",
    "stride",
    "dilation",
    "padding",
    "output_padding",
  ].map((name) => module.pair(name));
  const group = module.int("groups");
  const weight = module.tensor("weight");
  const perGroup = weight.dims[1] ?? 0;
  const expected = [x.channels, perGroup, ...kernel!];
  if (weight.dims.join() !== expected.join() || perGroup === 0 || group < 1 || x.channels % group !== 0) {
    throw module.odd("weight", `a tensor [${expected.join(", ")}] (${x.channels} channels come in)`, weight);
  }
  if ([...kernel!, ...strides!, ...dilations!].includes(0)) throw module.odd("stride", "numbers from 1 on");
  const out = perGroup * group;
  const values = [call.weight("weight", weight.dims, () => floatsOfTensor(weight))];
  if (module.tensorOrNone("bias") !== undefined)
    values.push(call.weight("bias", [out], () => module.floats("bias", out)));
  return call.op("ConvTranspose", [x.value, ...values], out, {
    dilations: dilations!,
    group,
    kernel_shape: kernel!,
    output_padding: extra!,
    pads: [...pads!, ...pads!],
    strides: strides!,
  });
});

/** A normalisation without a convolution before it. */
const batchNorm: ModuleBuilder = (call) => {
  const { module, x } = call;
  const { gamma, beta, mean, variance, epsilon } = normalisation(module, x.channels);
  const values = Object.entries({ weight: gamma, bias: beta, running_mean: mean, running_var: variance });
  const weights = values.map(([name, data]) => call.weight(name, [x.channels], () => data));
  return call.op("BatchNormalization", [x.value, ...weights], x.channels, { epsilon: { float: epsilon } });
};

/** Its modules in sequence, in their own scope: "/model.2/m/m.0". A normalisation after a convolution is folded into it. */
const sequential: ModuleBuilder = (call) => {
  const name = call.scope.slice(call.scope.lastIndexOf("/") + 1);
  const items = call.module.items();
  const isConv = (item: TorchModule | undefined): boolean => item?.type.name === "Conv2d";
  return items.reduce<Feature>((x, item, i) => {
    if (item.type.name === "BatchNorm2d" && isConv(items[i - 1])) return x;
    const inner = call.within(item, `${name}.${i}`, [x]);
    const next = items[i + 1];
    return isConv(item) && next?.type.name === "BatchNorm2d" ? convolution(inner, next) : inner.run();
  }, call.x);
};

/** A Conv2d, followed by the normalisation `norm` if it exists. */
export function convolutionIn(call: ModuleCall, name: string, norm: string | undefined, x: Feature): Feature {
  const bn = norm === undefined ? undefined : call.module.childOrNone(norm);
  const conv = call.module.child(name);
  if (conv.type.name !== "Conv2d" || !conv.type.module.startsWith("torch.nn."))
    throw conv.unknown("expected torch.nn.Conv2d");
  return convolution(call.within(conv, name, [x]), bn);
}

/** Modules of PyTorch itself, by class. */
export const torchModules: ReadonlyMap<string, ModuleBuilder> = new Map([
  ["Conv2d", (call) => convolution(call)],
  ["ConvTranspose2d", convTranspose],
  ["BatchNorm2d", batchNorm],
  ["Sequential", sequential],
  ["MaxPool2d", maxPool],
  ["ZeroPad2d", zeroPad],
  ["Upsample", upsample],
  ["Identity", same],
  ["Dropout", same],
  ["SiLU", siLU],
  ["Hardswish", elementwise("HardSwish")],
  ["LeakyReLU", leakyReLU],
  ["ReLU", elementwise("Relu")],
  ["Sigmoid", elementwise("Sigmoid")],
  ["Hardsigmoid", hardSigmoid],
  ["Tanh", elementwise("Tanh")],
  ["Mish", mish],
]);
