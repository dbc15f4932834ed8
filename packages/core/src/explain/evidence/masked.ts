import type { Detection, Predictions } from "../../detector/detection.js";
import type { MaskedInputs } from "../../methods/method.js";
import { once } from "../../once.js";
import { maskInput } from "../../onnx/mask-input.js";
import { CLASS_COLUMN, classesOf } from "../../scores/columns.js";
import { scoreValue } from "../../scores/index.js";
import { iouOfRow, isFar, withBoxTable } from "../../scores/iou.js";
import { withPrototypes } from "../../scores/rescore.js";
import type { Score, ScoreOptions } from "../../scores/score.js";
import { sizeOf } from "../../tensor/tensor.js";
import type { ExplainJob } from "../job.js";
import type { LoadedModel } from "../model/loaded-model.js";
import { type BatchSession, batchThatWorks, runBatches } from "../passes/batch-runs.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import { prototypesTap } from "../plan/forward-taps.js";
import { wholeNetwork } from "../plan/tap-plan.js";
import type { Progress } from "../progress.js";
import { type DetectionScore, targetOf } from "../targets/detection-score.js";

/** Number of images in one run. A larger batch needs more memory and is hardly faster. */
const BATCH = 4;

/** The parts of a job that this file reads. Without `progress` the runs are not counted. */
type MaskedJob = Pick<ExplainJob, "loaded" | "signal"> &
  Partial<Pick<ExplainJob, "progress">> & { readonly options: ScoreOptions };

/** Masks to run the network on. */
interface MaskedBatch {
  readonly count: number;
  /** Writes mask i, `[H, W]`. */
  fill(i: number, into: Float32Array): void;
  /** Receives the predictions for mask i. */
  each(i: number, predictions: Predictions): void;
  /** Whether mask prototypes are also read. */
  readonly readsMasks: boolean;
}

/** Runs of the network on masked images, for all explanations of one image. */
export class MaskedRuns {
  readonly #loaded: LoadedModel;
  readonly #options: ScoreOptions;
  readonly #forward: ForwardResult;
  readonly #explained: readonly Detection[];
  readonly #signal: AbortSignal | undefined;
  readonly #progress: Progress | undefined;
  /** Mask number → similarity of each explained detection. All detections share the masks. */
  readonly #known = new Map<number, Float64Array>();
  readonly #masked = once(() => maskInput(wholeNetwork(this.#loaded), this.#loaded.inputName));
  #session: Promise<Omit<BatchSession, "feeds">> | undefined;

  constructor(
    { loaded, options, signal, progress }: MaskedJob,
    forward: ForwardResult,
    explained: readonly Detection[],
  ) {
    this.#loaded = loaded;
    this.#options = options;
    this.#forward = forward;
    this.#explained = explained;
    this.#signal = signal;
    this.#progress = progress;
  }

  /** The evidence for a method that explains the given detections with `score`. */
  async open(score: Score, entries: readonly Pick<DetectionScore, "detection">[]): Promise<MaskedInputs> {
    const session = await this.#open();
    const detections = entries.map((entry) => entry.detection);
    const own = detections.map((detection) => this.#explained.indexOf(detection));
    const targets = detections.map((detection) => targetOf(detection, score, this.#forward));
    return {
      size: this.#forward.letterbox.inputSize,
      batch: session.batch,
      scores: async (count, fill) => {
        const values = new Float64Array(count);
        const each = (i: number, predictions: Predictions) => {
          values[i] = scoreValue(score, predictions, targets, this.#options);
        };
        await this.#run({ count, fill, each, readsMasks: score.readsMask === true });
        return values;
      },
      similarities: async (first, count, fill) => {
        const missing = Array.from({ length: count }, (_, i) => i).filter((i) => !this.#known.has(first + i));
        const each = (i: number, predictions: Predictions) => {
          const all = this.#explained.map((detection) => similarity(detection, this.#forward.predictions, predictions));
          this.#known.set(first + missing[i]!, Float64Array.from(all));
        };
        const fillMissing = (i: number, into: Float32Array) => fill(missing[i]!, into);
        await this.#run({ count: missing.length, fill: fillMissing, each, readsMasks: false });
        return Float64Array.from({ length: count }, (_, i) => {
          const all = this.#known.get(first + i)!;
          return own.reduce((sum, index) => sum + all[index]!, 0);
        });
      },
    };
  }

  async #run({ count, fill, each, readsMasks }: MaskedBatch): Promise<void> {
    if (count === 0) return;
    const { boxes: _, ...facts } = this.#forward.predictions;
    const runs = await this.#open();
    const prototypes = readsMasks ? prototypesTap(this.#loaded) : undefined;
    const outputs = prototypes === undefined ? runs.outputs : [...runs.outputs, prototypes.output];
    await this.#withImage(async (feeds) =>
      runBatches({ ...runs, feeds, outputs }, count, fill, (i, [output, changed]) => {
        const { data, offset, length } = output!;
        const predictions = withBoxTable({ ...facts, data: data.subarray(offset, offset + length) });
        each(i, changed === undefined ? predictions : withPrototypes(predictions, changed));
      }),
    );
  }

  /** Uploads the image for some runs. The graph multiplies it by the masks. */
  async #withImage<T>(run: (feeds: BatchSession["feeds"]) => Promise<T>): Promise<T> {
    const { input, letterbox } = this.#forward;
    const image = await this.#loaded.runtime.upload("float32", [1, 3, ...letterbox.inputSize], input.slice());
    try {
      return await run({ [this.#masked().images.image]: image });
    } finally {
      image.dispose();
    }
  }

  #open(): Promise<Omit<BatchSession, "feeds">> {
    this.#session ??= this.#make();
    return this.#session;
  }

  async #make(): Promise<Omit<BatchSession, "feeds">> {
    const loaded = this.#loaded;
    const { model, masks } = this.#masked();
    const key = `masked\n${loaded.head.output}`;
    const dims = [1, ...this.#forward.letterbox.inputSize];
    const runs = {
      runtime: loaded.runtime,
      session: await loaded.sessions.get(key, () => model, this.#signal),
      input: masks,
      dims,
      outputs: [loaded.head.output],
      signal: this.#signal,
      progress: this.#progress,
    };
    if (!loaded.batches.has(key)) {
      const all = new Float32Array(sizeOf(dims)).fill(1);
      const found = await this.#withImage(async (feeds) => batchThatWorks({ ...runs, feeds }, all, BATCH));
      loaded.batches.set(key, found);
    }
    return { ...runs, batch: loaded.batches.get(key)! };
  }
}

/**
 * How similar the predictions still are to a detection: `max_j IoU(box, box_j) · objectness_j · cos(p, p_j)` over all rows j. p are the class
 * probabilities of the detection's row on the unmasked image. Petsiuk et al., "Black-box Explanation of Object Detectors via
 * Saliency Maps", CVPR 2021, eq. 3 (without the detection's own objectness, which is a constant factor). For a classifier it is the probability of the
 * class: RISE, BMVC 2018.
 */
export function similarity(detection: Detection, base: Predictions, predictions: Predictions): number {
  const { data, rows, columns } = predictions;
  if (detection.isWholeImage) return data[detection.row * columns + CLASS_COLUMN + detection.classIndex]!;
  const first = detection.row * columns + 5;
  const own = base.data.subarray(first, first + classesOf(base));
  const ownNorm = Math.hypot(...own);
  let best = 0;
  for (let row = 0; row < rows; row++) {
    const at = row * columns;
    if (!(data[at + 4]! > best) || isFar(predictions, row, detection.boxInput)) continue;
    const bound = data[at + 4]! * iouOfRow(predictions, row, detection.boxInput);
    if (!(bound > best)) continue;
    let dot = 0;
    let norm = 0;
    for (let k = 0; k < own.length; k++) {
      const p = data[at + 5 + k]!;
      dot += own[k]! * p;
      norm += p * p;
    }
    const value = (bound * dot) / (ownNorm * Math.sqrt(norm) || 1);
    if (value > best) best = value;
  }
  return best;
}
