import { blurPart } from "../../image/blur.js";
import type { PlanePart, Size } from "../../image/frame.js";
import { contentOf } from "../../image/letterbox.js";
import type { Blends } from "../../methods/method.js";
import { once } from "../../once.js";
import { strengthOf, strengthScore } from "../../scores/strength.js";
import type { ExplainJob } from "../job.js";
import { BlendRuns } from "../passes/blend-runs.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import type { DetectionScore } from "../targets/detection-score.js";
import { openPixels } from "./pixels.js";

/** The input with other pixels. All detections of an image share them. */
export class ChangedInputs {
  readonly #forward: ForwardResult;
  readonly #blurred = new Map<number, Float32Array>();
  readonly mean = once(() => meanPart(this.#forward.input, this.#forward.letterbox.inputSize, this.part));

  constructor(forward: ForwardResult) {
    this.#forward = forward;
  }

  get part(): PlanePart {
    return contentOf(this.#forward.letterbox);
  }

  blurred(sigma: number): Float32Array {
    const { input, letterbox } = this.#forward;
    if (!this.#blurred.has(sigma)) {
      this.#blurred.set(sigma, blurPart(input, letterbox.inputSize, this.part, sigma));
    }
    return this.#blurred.get(sigma)!;
  }
}

/** Images in which a part is replaced, for the detection of `entry`. */
export function openBlends(
  job: ExplainJob,
  { forward, changed }: { readonly forward: ForwardResult; readonly changed: ChangedInputs },
  entry: DetectionScore,
): Blends {
  const { detection } = entry;
  const { input, letterbox, predictions } = forward;
  const runs = new BlendRuns(job, forward);
  const strength = strengthOf(predictions, detection);
  return {
    ...{ input, size: letterbox.inputSize, part: changed.part, box: detection.boxInput, strength },
    blurred: (sigma) => changed.blurred(sigma),
    mean: changed.mean,
    async strengths(blend, count, fill) {
      return Float64Array.from(await runs.runMasks(blend, { count, fill }, (found) => strengthOf(found, detection)));
    },
    gradientAt: openPixels(job, forward, [{ ...entry, score: strengthScore }]).gradientAt,
  };
}

/** The part of planar RGB filled with its mean colour. */
function meanPart(planes: Float32Array, [height, width]: Size, part: PlanePart): Float32Array {
  const filled = planes.slice();
  for (let plane = 0; plane < 3; plane++) {
    const rows = Array.from({ length: part.height }, (_, y) => {
      const start = (plane * height + part.top + y) * width + part.left;
      return filled.subarray(start, start + part.width);
    });
    const sum = rows.reduce((total, row) => total + row.reduce((own, value) => own + value, 0), 0);
    for (const row of rows) row.fill(sum / (part.height * part.width));
  }
  return filled;
}
