import type { TorchModule } from "./module.js";
import type { ModuleCall } from "./module-context.js";
import type { Feature } from "./network-writer.js";
import { floatsOfTensor, type TorchTensor } from "./tensor.js";

/** A convolution with its batch normalisation folded in. */
interface Scaled {
  /** Per output channel. */
  readonly scale: Float32Array | undefined;
  readonly bias: Float32Array | undefined;
}

export interface Geometry {
  /** `[out, in/group, height, width]` */
  readonly dims: readonly number[];
  readonly group: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

/** torch.nn.Conv2d, with the following BatchNorm2d folded into its weights. `call` is the call of the convolution. */
export function convolution(call: ModuleCall, norm?: TorchModule): Feature {
  const { module, x } = call;
  const geometry = geometryOf(module, x.channels);
  const { dims } = geometry;
  const { scale, bias: values } = fold(module, norm, dims[0]!);
  const weight = module.tensor("weight");
  const weights = call.computedWeight("weight", dims, () => scaled(weight, scale));
  const bias = values === undefined ? [] : [call.weight("bias", [dims[0]!], () => values)];
  return convNode(call, geometry, [weights, ...bias]);
}

export function convNode(call: ModuleCall, geometry: Geometry, weights: readonly string[]): Feature {
  const { dims, group, kernel, strides, dilations, pads } = geometry;
  return call.op("Conv", [call.x.value, ...weights], dims[0]!, {
    dilations,
    group,
    kernel_shape: kernel,
    pads: [...pads, ...pads],
    strides,
  });
}

/** @throws bad-input when the weight does not fit the attributes and the number of input `channels`. */
export function geometryOf(module: TorchModule, channels: number): Geometry {
  module.expectOnly("weight", "bias");
  const [kernel, strides, dilations, pads] = ["kernel_size", "stride", "dilation", "padding"].map((name) =>
    module.pair(name),
  );
  const group = module.int("groups");
  const weight = module.tensor("weight");
  const [out = 0] = weight.dims;
  const expected = [out, channels / group, ...kernel!];
  if (weight.dims.join() !== expected.join() || out === 0 || out % group !== 0) {
    throw module.odd("weight", `a tensor [${expected.join(", ")}] (${channels} channels come in)`, weight);
  }
  for (const name of ["kernel_size", "stride", "dilation"]) {
    if (module.pair(name).includes(0)) throw module.odd(name, "numbers from 1 on");
  }
  if ((module.attribute("padding_mode") ?? "zeros") !== "zeros") throw module.unknown("it does not pad with zeros");
  return { dims: weight.dims, group, kernel: kernel!, strides: strides!, dilations: dilations!, pads: pads! };
}

/** BatchNorm2d in inference as factors of a convolution: w' = w·s, b' = β − γ·mean/√(var + ε) + b·s. */
export function fold(conv: TorchModule, norm: TorchModule | undefined, count: number): Scaled {
  const own = conv.tensorOrNone("bias") === undefined ? undefined : conv.floats("bias", count);
  if (norm === undefined) return { scale: undefined, bias: own };
  const { scale, bias } = factors(norm, count);
  if (own !== undefined) for (let i = 0; i < count; i++) bias[i] = bias[i]! + Math.fround(own[i]! * scale[i]!);
  return { scale, bias };
}

/**
 * BatchNorm2d in inference, y = s·x + b: s = γ/√(var + ε), b = β − γ·mean/√(var + ε). Each step is rounded to single precision,
 * as in PyTorch's own folding.
 */
export function factors(
  norm: TorchModule,
  count: number,
): { readonly scale: Float32Array; readonly bias: Float32Array } {
  const { gamma, beta, mean, variance, epsilon } = normalisation(norm, count);
  const round = Math.fround;
  const scale = new Float32Array(count);
  const bias = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const deviation = round(Math.sqrt(round(variance[i]! + epsilon)));
    scale[i] = gamma[i]! / deviation;
    bias[i] = beta[i]! - round(round(gamma[i]! * mean[i]!) / deviation);
  }
  return { scale, bias };
}

export interface Normalisation {
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly epsilon: number;
}

/** The numbers of a BatchNorm2d. @throws unsupported-model when it keeps no running statistics. */
export function normalisation(norm: TorchModule, count: number): Normalisation {
  if (norm.type.name !== "BatchNorm2d" || !norm.type.module.startsWith("torch.nn.")) {
    throw norm.unknown("expected torch.nn.BatchNorm2d");
  }
  norm.expectOnly("weight", "bias", "running_mean", "running_var", "num_batches_tracked");
  if (norm.tensorOrNone("running_mean") === undefined) throw norm.unknown("it keeps no running statistics");
  const affine = norm.tensorOrNone("weight") !== undefined;
  return {
    gamma: affine ? norm.floats("weight", count) : new Float32Array(count).fill(1),
    beta: affine ? norm.floats("bias", count) : new Float32Array(count),
    mean: norm.floats("running_mean", count),
    variance: norm.floats("running_var", count),
    epsilon: norm.number("eps"),
  };
}

/** Multiplies each row by its factor. Works in place if the values are already a copy, as for other precisions. */
export function scaled(tensor: TorchTensor, scale: Float32Array | undefined): Float32Array {
  const weights = floatsOfTensor(tensor);
  if (scale === undefined) return weights;
  const row = weights.length / scale.length;
  const result = tensor.storage.type === "float32" ? new Float32Array(weights.length) : weights;
  for (let i = 0; i < scale.length; i++) {
    const factor = scale[i]!;
    for (let j = i * row; j < (i + 1) * row; j++) result[j] = weights[j]! * factor;
  }
  return result;
}
