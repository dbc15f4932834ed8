import { resizeBilinear } from "../kernels/resample.js";
import type { Map2D, Tensor } from "../tensor/tensor.js";
import type { CamMethod } from "./method.js";

/** Keeps the division of a channel that is zero throughout finite; pytorch-grad-cam's constant, kept for parity. */
const EPSILON = 1e-7;

/**
 * Adds up, over the whole network, what the picture and every bias contribute to the score.
 *
 * `map = Σ_c ψ(|x_c · G_c|) + Σ_l Σ_c ψ(|b_lc · G_lc|)` with `x` `[3, H, W]` the letterboxed picture, `b_l` `[C]` the bias of
 * layer `l`, `G` and `G_l` `[C, h, w]` the gradients of the score at the picture and at the output of layer `l`. `ψ` scales
 * each channel to 0..1 on its own (minus its least value, over 1e-7 plus its largest) and resizes it to the input (bilinear).
 * It has no layer: it reads all that have a bias. Layers come one after the other, so that memory holds one of them.
 *
 * **Cost:** one forward and one backward pass down to the picture, which also writes the gradient of every convolution.
 *
 * **Edge cases:** channels with a gradient of zero, or a constant one, add nothing.
 *
 * **Differs from the paper:** scaling channel by channel, as the library does, throws the magnitudes away, so that a channel
 * without importance speaks as loudly as any other. The authors' own code scales a layer as a whole, and the property that the
 * parts add up to the score holds only without scaling.
 *
 * **Differs from pytorch-grad-cam:** the library pairs gradients in the order of execution with biases in the order in which
 * modules were declared. In YOLO the two are not the same, and it crashes or multiplies biases with other layers' gradients.
 * Here each bias comes with the gradient of its own layer; with the library's biases put in the order of execution the numbers
 * agree. There is no `compat` for the wrong pairing. An exported model has its batch normalisations folded into the
 * convolutions: this is FullGrad of the folded network, whose biases differ from those of the training one.
 *
 * Srinivas and Fleuret, "Full-Gradient Representation for Neural Network Visualization", NeurIPS 2019, section 4.
 */
export const fullGrad: CamMethod<"biases"> = {
  id: "FullGrad",
  title: "FullGrad",
  paper: "Srinivas and Fleuret, NeurIPS 2019",
  needs: ["biases"],
  reads: "network",
  async map({ biases }) {
    const { input, inputGradient, layers } = biases;
    const [, H, W] = input.dims as [number, number, number];
    const total = new Float64Array(H * W);
    add(
      total,
      sumOfScaledChannels(inputGradient, (i) => input.data[i]!),
    );
    for await (const { bias, gradient } of layers) {
      const cells = gradient.dims[1]! * gradient.dims[2]!;
      const sum = sumOfScaledChannels(gradient, (i) => bias[Math.floor(i / cells)]!);
      add(total, resizeBilinear(sum, H, W));
    }
    return { height: H, width: W, data: new Float32Array(total) };
  },
};

/**
 * `Σ_c scaled(|factor · G_c|)`, each channel to 0..1. Resizing is linear, so that one resize of the sum does for a resize of
 * every channel.
 */
function sumOfScaledChannels({ dims, data }: Tensor, factor: (i: number) => number): Map2D {
  const [C, H, W] = dims as [number, number, number];
  const cells = H * W;
  const channel = new Float64Array(cells);
  const sum = new Float64Array(cells);
  for (let c = 0; c < C; c++) {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < cells; i++) {
      const value = Math.abs(factor(c * cells + i) * data[c * cells + i]!);
      channel[i] = value;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const divisor = high - low + EPSILON;
    for (let i = 0; i < cells; i++) sum[i]! += (channel[i]! - low) / divisor;
  }
  return { height: H, width: W, data: new Float32Array(sum) };
}

function add(total: Float64Array, map: Map2D): void {
  for (let i = 0; i < total.length; i++) total[i]! += map.data[i]!;
}
