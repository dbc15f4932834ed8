import type { Predictions } from "../../detector/detection.js";
import { once } from "../../once.js";
import { blendInput } from "../../onnx/mask-input.js";
import { withBoxTable } from "../../scores/iou.js";
import { sizeOf } from "../../tensor/tensor.js";
import type { LoadedModel } from "../model/loaded-model.js";
import { wholeNetwork } from "../plan/tap-plan.js";
import type { Progress } from "../progress.js";
import { type BatchSession, batchThatWorks, runBatches } from "./batch-runs.js";
import type { ForwardResult } from "./forward-pass.js";

/** Number of images in one run. A larger batch needs more memory and is hardly faster. */
const BATCH = 4;

/** Two inputs of the network, `[3, H, W]`. */
export interface Blend {
  readonly from: Float32Array;
  readonly to: Float32Array;
}

/** The parts of a job that the runs read. */
interface BlendJob {
  readonly loaded: LoadedModel;
  readonly signal: AbortSignal | undefined;
  readonly progress: Progress;
}

/** Masks over the input. */
interface Masks {
  readonly count: number;
  fill(i: number, into: Float32Array): void;
}

/** Runs of the whole network on blends of two inputs. */
export class BlendRuns {
  readonly #job: BlendJob;
  readonly #forward: ForwardResult;
  readonly #blended = once(() => blendInput(wholeNetwork(this.#job.loaded), this.#job.loaded.inputName));

  constructor(job: BlendJob, forward: ForwardResult) {
    this.#job = job;
    this.#forward = forward;
  }

  /**
   * Runs the network on one image for each list of pixels, with these pixels from `to` and all others from `from`. Returns what `read` makes of the
   * predictions. @throws runtime, aborted.
   */
  async run<T>(blend: Blend, selected: readonly Uint32Array[], read: (predictions: Predictions) => T): Promise<T[]> {
    const fill = (i: number, mask: Float32Array): void => {
      mask.fill(0);
      for (const pixel of selected[i]!) mask[pixel] = 1;
    };
    return this.runMasks(blend, { count: selected.length, fill }, read);
  }

  /** The same for masks, `[H, W]`: 1 where a pixel is from `to`, 0 where it is from `from`. `fill` writes all of mask i. @throws runtime, aborted. */
  async runMasks<T>({ from, to }: Blend, { count, fill }: Masks, read: (predictions: Predictions) => T): Promise<T[]> {
    const { loaded } = this.#job;
    const { boxes: _boxes, row: _row, ...facts } = this.#forward.predictions;
    const dims = [1, 3, ...this.#forward.letterbox.inputSize];
    const names = this.#blended();
    const upload = (planes: Float32Array) => loaded.runtime.upload("float32", dims, planes.slice());
    const [fromTensor, toTensor] = [await upload(from), await upload(to)];
    const found: T[] = [];
    try {
      const runs = await this.#open({ [names.images.from]: fromTensor, [names.images.to]: toTensor });
      await runBatches(runs, count, fill, (_, [output]) => {
        const { data, offset, length } = output!;
        found.push(read(withBoxTable({ ...facts, data: data.subarray(offset, offset + length) })));
      });
      return found;
    } finally {
      fromTensor.dispose();
      toTensor.dispose();
    }
  }

  async #open(feeds: BatchSession["feeds"]): Promise<BatchSession> {
    const { loaded, signal, progress } = this.#job;
    const { model, masks } = this.#blended();
    const key = `blended\n${loaded.head.output}`;
    const dims = [1, ...this.#forward.letterbox.inputSize];
    const runs = {
      runtime: loaded.runtime,
      session: await loaded.sessions.get(key, () => model, signal),
      ...{ input: masks, dims, feeds, outputs: [loaded.head.output], signal, progress },
    };
    if (!loaded.batches.has(key)) {
      loaded.batches.set(key, await batchThatWorks(runs, new Float32Array(sizeOf(dims)).fill(1), BATCH));
    }
    return { ...runs, batch: loaded.batches.get(key)! };
  }
}
