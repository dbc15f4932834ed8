import { sizeOf } from "../../tensor/tensor.js";
import { broken } from "./broken.js";
import { convNode, factors, fold, type Geometry, geometryOf, scaled } from "./convolution.js";
import type { TorchModule } from "./module.js";
import type { ModuleCall } from "./module-context.js";
import type { Feature } from "./network-writer.js";

/** A convolution and its normalisation: one of several whose results are added. */
export interface Branch {
  readonly conv: TorchModule;
  readonly norm: TorchModule | undefined;
}

/**
 * The sum of parallel convolutions of one input, as one convolution. Its kernel is the sum of their kernels, each centred in the
 * largest (the first). `identity` is a BatchNorm2d of the input itself: a kernel with 1 at its centre.
 *
 * Source: Ding et al., RepVGG: Making VGG-style ConvNets Great Again (CVPR 2021), section 3.3.
 * @throws bad-input when the branches do not fit each other.
 */
export function mergedConvolution(call: ModuleCall, branches: readonly Branch[], identity?: TorchModule): Feature {
  const { x } = call;
  const geometries = branches.map(({ conv }) => geometryOf(conv, x.channels));
  const [whole] = geometries;
  for (const [i, other] of geometries.entries()) {
    if (!fitsInto(other, whole!)) throw broken(`${branches[i]!.conv.label} does not fit the branch beside it`);
  }
  if (identity !== undefined && !isSame(whole!, x.channels)) {
    throw broken(`${identity.label} stands beside a convolution that changes the size`);
  }
  const { dims } = whole!;
  const weights = call.weight("conv.weight", dims, () => {
    const sum = new Float32Array(sizeOf(dims));
    for (const [i, { conv, norm }] of branches.entries()) {
      const weight = scaled(conv.tensor("weight"), fold(conv, norm, dims[0]!).scale);
      addCentred(sum, dims, weight, geometries[i]!.kernel);
    }
    if (identity !== undefined) addIdentity(sum, dims, factors(identity, dims[0]!).scale);
    return sum;
  });
  const bias = call.weight("conv.bias", [dims[0]!], () => {
    const all = branches.map(({ conv, norm }) => fold(conv, norm, dims[0]!).bias);
    if (identity !== undefined) all.push(factors(identity, dims[0]!).bias);
    return Float32Array.from({ length: dims[0]! }, (_, i) => all.reduce((sum, values) => sum + (values?.[i] ?? 0), 0));
  });
  return convNode(call.within(call.module, "conv", [x]), whole!, [weights, bias]);
}

/** Whether a convolution equals one with the larger kernel, when its own kernel is padded with zeros. */
function fitsInto(part: Geometry, whole: Geometry): boolean {
  return (
    part.group === whole.group &&
    part.dims[0] === whole.dims[0] &&
    part.strides.join() === whole.strides.join() &&
    [...part.dilations, ...whole.dilations].every((step) => step === 1) &&
    [0, 1].every((axis) => {
      const margin = whole.kernel[axis]! - part.kernel[axis]!;
      return margin >= 0 && margin % 2 === 0 && whole.pads[axis]! - part.pads[axis]! === margin / 2;
    })
  );
}

/** Whether the output has the shape of the input. */
function isSame({ dims, strides, kernel, pads }: Geometry, channels: number): boolean {
  return (
    dims[0] === channels &&
    strides.every((step) => step === 1) &&
    kernel.every((size, axis) => size === 2 * pads[axis]! + 1)
  );
}

function addCentred(sum: Float32Array, dims: readonly number[], weight: Float32Array, kernel: readonly number[]): void {
  const [, , H = 1, W = 1] = dims;
  const [h = 1, w = 1] = kernel;
  const [top, left] = [(H - h) / 2, (W - w) / 2];
  for (let i = 0; i < weight.length; i++) {
    const [plane, y, x] = [Math.floor(i / (h * w)), Math.floor(i / w) % h, i % w];
    sum[(plane * H + y + top) * W + x + left]! += weight[i]!;
  }
}

/** Output channel c copies input channel c, which has index c mod in/group in its group. */
function addIdentity(sum: Float32Array, dims: readonly number[], scale: Float32Array): void {
  const [, depth = 1, H = 1, W = 1] = dims;
  const centre = (H >> 1) * W + (W >> 1);
  for (const [c, factor] of scale.entries()) sum[(c * depth + (c % depth)) * H * W + centre]! += factor;
}
