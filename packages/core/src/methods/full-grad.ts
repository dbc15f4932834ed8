import { keepsNothing } from "../keeps-nothing.js";
import { resizeBilinear } from "../kernels/resample.js";
import type { Map2D, Tensor } from "../tensor/tensor.js";
import type { CamMethod } from "./method.js";

/** Keeps the division finite for a channel of zeros. pytorch-grad-cam's constant, kept for parity. */
const EPSILON = 1e-7;

/**
 * Sums the contributions of the image and of every bias in the network to the score.
 *
 * `map = Σ_c ψ(|x_c · G_c|) + Σ_l Σ_c ψ(|b_lc · G_lc|)` with `x` `[3, H, W]` the letterboxed image, `b_l` `[C]` the bias of
 * layer `l`, `G` and `G_l` `[C, h, w]` the gradients of the score at the image and at the output of layer `l`. `ψ` scales
 * each channel to 0..1 separately (minus its minimum, divided by 1e-7 plus its maximum) and resizes it to the input (bilinear).
 * It has no layer option: it reads all layers with a bias, one at a time, so that memory holds one of them.
 *
 * **Cost:** one forward pass, and one backward pass to the image that also outputs the gradient of every convolution.
 *
 * **Edge cases:** channels with a zero or constant gradient add nothing.
 *
 * **Differs from the paper:** scaling each channel separately, as the library does, discards the magnitudes, so that an
 * unimportant channel counts as much as any other. The authors' own code scales a layer as a whole. The property that the
 * parts sum to the score holds only without scaling.
 *
 * **Differs from pytorch-grad-cam:** the library pairs gradients in the order of execution with biases in the order of
 * declaration. In YOLO these orders differ, and the library crashes or multiplies biases with gradients of other layers.
 * Here each bias is paired with the gradient of its own layer. If the library's biases are put in the order of execution, the numbers
 * agree. There is no `compat` for the wrong pairing. An exported model has its batch normalisations folded into the
 * convolutions: this is FullGrad of the folded network, whose biases differ from those of the training network.
 *
 * Srinivas and Fleuret, "Full-Gradient Representation for Neural Network Visualization", NeurIPS 2019, section 4.
 */
export const fullGrad: CamMethod<"biases"> = keepsNothing({
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
});

/**
 * `Σ_c scaled(|factor · G_c|)`, each channel scaled to 0..1. Resizing is linear, so one resize of the sum replaces a resize of
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
