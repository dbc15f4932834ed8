import { detect } from "../../detector/detect.js";
import type { Detection, Predictions } from "../../detector/detection.js";
import { extraOf } from "../../detector/tasks/extra.js";
import { throwIfAborted, WhyboxError } from "../../errors.js";
import type { Letterbox, RgbImage } from "../../image/frame.js";
import { letterbox, planLetterbox } from "../../image/letterbox.js";
import type { RuntimeTensor } from "../../runtime/port.js";
import { openSession } from "../../runtime/sessions.js";
import { boxTable } from "../../scores/iou.js";
import type { Tensor } from "../../tensor/tensor.js";
import { inspectModel, type ModelFacts } from "../model/inspect.js";
import { type LoadedModel, planContext, usualSize } from "../model/loaded-model.js";
import type { ResolvedDetectOptions } from "../options/resolve-options.js";
import { type ForwardPlan, joinPlans, planTaps, prototypesTap, type TapPlan } from "../plan/tap-plan.js";
import { readFloats } from "./backward-run.js";

/** What the forward pass gave, decoded. Whoever has it disposes of `tensors`. */
export interface ForwardResult {
  readonly letterbox: Letterbox;
  /** What went into the network, `[3, H, W]`, when it was asked to be kept; else empty. */
  readonly input: Float32Array;
  readonly predictions: Predictions;
  /** Outputs of the forward session by name: predictions, activations, saved values. */
  readonly tensors: Readonly<Record<string, RuntimeTensor>>;
}

/** A forward pass from a picture to its detections. */
export interface Forward {
  readonly result: ForwardResult;
  readonly detections: readonly Detection[];
  readonly timings: { readonly letterbox: number; readonly forward: number; readonly detect: number };
}

/**
 * Letterbox, forward session, head decode, NMS.
 * @throws usage for an image size that the model cannot take; runtime; aborted.
 */
export async function forwardPass(
  loaded: LoadedModel,
  plan: ForwardPlan,
  image: RgbImage,
  options: ResolvedDetectOptions,
  keepInput: boolean,
  signal: AbortSignal | undefined,
): Promise<Forward> {
  throwIfAborted(signal);
  const t0 = performance.now();
  const box = planInput(loaded, image, options);
  const pixels = letterbox(image, box, loaded.spare.take(3 * box.inputSize[0] * box.inputSize[1]));
  const t1 = performance.now();
  const result = await forwardOnInput(loaded, plan, pixels, box, keepInput, signal);
  const t2 = performance.now();
  const detections = detect(result.predictions, loaded.head, loaded.classNames, box, options);
  const timings = { letterbox: t1 - t0, forward: t2 - t1, detect: performance.now() - t2 };
  return { result, detections, timings };
}

/** The forward session on an input `[3, H, W]` that is ready. The array is handed over unless it is to be kept. */
export async function forwardOnInput(
  loaded: LoadedModel,
  plan: ForwardPlan,
  pixels: Float32Array,
  box: Letterbox,
  keepInput: boolean,
  signal: AbortSignal | undefined,
): Promise<ForwardResult> {
  const session = await loaded.sessions.get(`forward\n${plan.key}`, plan.buildForward, signal);
  const kept = keepInput ? pixels.slice() : new Float32Array(0);
  const input = await loaded.runtime.upload("float32", [1, 3, ...box.inputSize], pixels);
  throwIfAborted(signal);
  const tensors = await session.run({ [loaded.inputName]: input }, plan.outputs);
  input.dispose();
  loaded.spare.give(pixels);
  const predictions = await readPredictions(loaded, tensors);
  return { letterbox: box, input: kept, predictions, tensors };
}

/** How a picture goes into the network. @throws usage for an image size that the model cannot take. */
export function planInput(loaded: LoadedModel, image: RgbImage, options: ResolvedDetectOptions): Letterbox {
  const { input, stride } = loaded;
  const { sides } = input;
  const asked = options.imageSize;
  if (asked !== undefined && sides.some((side, axis) => side !== undefined && side !== asked[axis])) {
    const fixed = sides.map((side) => side ?? "any").join(", ");
    throw new WhyboxError(
      "usage",
      `imageSize is [${asked.join(", ")}], but the model's input is fixed at [${fixed}]. Leave imageSize out, or export the model with a dynamic input.`,
      { details: { imageSize: asked, fixed: sides } },
    );
  }
  return planLetterbox([image.height, image.width], {
    size: asked ?? usualSize(sides),
    stride,
    fixed: [sides[0] !== undefined, sides[1] !== undefined],
    padding: input.padding,
  });
}

/** A layer picked by name can be any value; only maps over the picture can be explained. */
export function checkLayers(plan: TapPlan, { tensors }: ForwardResult): void {
  for (const [value, output] of plan.activations) {
    const { dims } = tensors[output]!;
    if (dims.length === 4 && dims[0] === 1) continue;
    throw new WhyboxError(
      "usage",
      `Layer "${value}" has the shape [${dims.join(", ")}]; expected feature maps [1, channels, height, width]. \`whybox inspect\` lists the layers.`,
      { details: { layer: value, dims } },
    );
  }
}

async function readPredictions(
  loaded: LoadedModel,
  tensors: Readonly<Record<string, RuntimeTensor>>,
): Promise<Predictions> {
  const { output } = loaded.head;
  const { dims, data } = await readFloats(output, tensors[output]!);
  const [batch, rows, columns] = dims;
  const { classCount: classes, hasObjectness } = loaded.head;
  if (dims.length === 3 && batch === 1) {
    const extra = extraOf(loaded.head, loaded.model.metadata, await readPrototypes(loaded, tensors));
    const predictions = { rows: rows!, columns: columns!, classes, hasObjectness, extra, data };
    return { ...predictions, boxes: boxTable(predictions) };
  }
  throw new WhyboxError(
    "unsupported-model",
    `Output "${output}" has the shape [${dims.join(", ")}], expected [1, rows, 5 + classes].`,
    { details: { output, dims } },
  );
}

/** Mask prototypes `[E, h, w]`; undefined for a model without masks. */
async function readPrototypes(
  loaded: LoadedModel,
  tensors: Readonly<Record<string, RuntimeTensor>>,
): Promise<Tensor | undefined> {
  const tap = prototypesTap(planContext(loaded));
  if (tap === undefined) return undefined;
  const { dims, data } = await readFloats(tap.output, tensors[tap.output]!);
  if (dims.length === 4 && dims[0] === 1 && dims[1] === loaded.head.extraCount) return { dims: dims.slice(1), data };
  throw new WhyboxError(
    "unsupported-model",
    `Output "${tap.value}" has the shape [${dims.join(", ")}], expected mask prototypes [1, ${loaded.head.extraCount}, h, w].`,
    { details: { output: tap.value, dims } },
  );
}

/** Runs the model once on grey nothing, to learn the dims of its layers. The session is not kept. */
export async function inspectWithSizes(loaded: LoadedModel, size: readonly [number, number]): Promise<ModelFacts> {
  const request = { layers: loaded.layers, activations: true, gradients: false, manySeeds: false, tails: false };
  const taps = planTaps(planContext(loaded), request);
  const plan = joinPlans(planContext(loaded), [taps]);
  const session = await openSession(loaded.runtime, plan.buildForward(), {});
  const input = await loaded.runtime.upload("float32", [1, 3, ...size], new Float32Array(3 * size[0] * size[1]));
  const tensors = await session.run({ [loaded.inputName]: input }, plan.outputs);
  const dims = new Map([...taps.activations].map(([value, output]) => [value, tensors[output]!.dims]));
  input.dispose();
  disposeAll(tensors);
  await session.release();
  return inspectModel(loaded, { size, dims });
}

/** Frees tensors of the runtime. */
export function disposeAll(tensors: Readonly<Record<string, RuntimeTensor>>): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}
