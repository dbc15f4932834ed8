import { contentOf } from "../../image/letterbox.js";
import type { ExplainJob } from "../job.js";
import { type Blend, BlendRuns } from "../passes/blend-runs.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import type { Fill, InputImage, Protocol } from "./protocols.js";

/** The two ways in which a protocol changes an image. */
export type Change = "deletion" | "insertion";

/** Runs of the network on an image whose pixels are replaced. The padding never changes. */
export class ChangedImages extends BlendRuns {
  readonly image: InputImage;
  /** All pixels of the image in the input. */
  readonly pixels: Uint32Array;
  readonly forward: ForwardResult;
  readonly #fills = new Map<Fill, Float32Array>();

  constructor(job: ExplainJob, forward: ForwardResult) {
    super(job, forward);
    const { input, letterbox } = forward;
    const part = contentOf(letterbox);
    const [, width] = letterbox.inputSize;
    this.forward = forward;
    this.image = { planes: input, size: letterbox.inputSize, part };
    this.pixels = Uint32Array.from({ length: part.height * part.width }, (_, i) => {
      return (part.top + Math.floor(i / part.width)) * width + part.left + (i % part.width);
    });
  }

  /** Selected pixels get the fill (deletion), or are those of the image in the fill (insertion). */
  blend(change: Change, protocol: Protocol): Blend {
    const fill = protocol[change];
    if (!this.#fills.has(fill)) this.#fills.set(fill, fill(this.image));
    const [image, filled] = [this.image.planes, this.#fills.get(fill)!];
    return change === "deletion" ? { from: image, to: filled } : { from: filled, to: image };
  }
}
