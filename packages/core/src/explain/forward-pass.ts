import { detect } from "../detector/detect.js";
import type { Detection, Predictions } from "../detector/detection.js";
import { throwIfAborted, WhyboxError } from "../errors.js";
import type { Letterbox, RgbImage } from "../image/frame.js";
import { letterbox, planLetterbox } from "../image/letterbox.js";
import { encodeModel } from "../onnx/encode.js";
import type { RuntimeTensor } from "../runtime/port.js";
import { readFloats } from "./evidence.js";
import { planContext } from "./explain.js";
import { inspectModel, type ModelFacts } from "./inspect.js";
import type { LoadedModel } from "./loaded-model.js";
import { planTaps, type TapPlan } from "./plan.js";
import type { ResolvedDetectOptions } from "./resolve-options.js";

/** What the forward session gave, decoded. Whoever has it disposes of `tensors`. */
export interface Forward {
  readonly boxes: {
    readonly letterbox: Letterbox;
    readonly predictions: Predictions;
    readonly detections: readonly Detection[];
  };
  readonly tensors: Readonly<Record<string, RuntimeTensor>>;
  readonly timings: { readonly letterbox: number; readonly forward: number; readonly detect: number };
}

/**
 * Letterbox, forward session, head decode, NMS.
 * @throws usage for an image size that the model cannot take; runtime; aborted.
 */
export async function forwardPass(
  loaded: LoadedModel,
  plan: TapPlan,
  image: RgbImage,
  options: ResolvedDetectOptions,
  signal: AbortSignal | undefined,
): Promise<Forward> {
  throwIfAborted(signal);
  const t0 = performance.now();
  const box = planInput(loaded, image, options);
  const pixels = letterbox(image, box);
  const t1 = performance.now();
  const session = await loaded.sessions.get(`forward\n${plan.key}`, plan.buildForward, signal);
  const input = await loaded.runtime.upload("float32", [1, 3, ...box.inputSize], pixels);
  throwIfAborted(signal);
  const tensors = await session.run({ [loaded.inputName]: input }, plan.outputs);
  input.dispose();
  checkLayers(plan, tensors);
  const predictions = await readPredictions(loaded, tensors);
  const t2 = performance.now();
  const detections = detect(predictions, loaded.head, loaded.classNames, box, options);
  const timings = { letterbox: t1 - t0, forward: t2 - t1, detect: performance.now() - t2 };
  return { boxes: { letterbox: box, predictions, detections }, tensors, timings };
}

function planInput(loaded: LoadedModel, image: RgbImage, options: ResolvedDetectOptions): Letterbox {
  const { fixedSize, stride } = loaded;
  const asked = options.imageSize;
  if (fixedSize && asked && (asked[0] !== fixedSize[0] || asked[1] !== fixedSize[1])) {
    throw new WhyboxError(
      "usage",
      `imageSize is [${asked.join(", ")}], but the model's input is fixed at [${fixedSize.join(", ")}]. Leave imageSize out, or export the model with a dynamic input.`,
      { details: { imageSize: asked, fixed: fixedSize } },
    );
  }
  const size = fixedSize ?? asked ?? [640, 640];
  return planLetterbox([image.height, image.width], { size, stride, fixed: fixedSize !== undefined });
}

function boxesOf(data: Float32Array, rows: number, columns: number): Float32Array {
  const boxes = new Float32Array(4 * rows);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < 4; i++) boxes[4 * row + i] = data[row * columns + i]!;
  }
  return boxes;
}

/** A layer picked by name can be any value; only maps over the picture can be explained. */
function checkLayers(plan: TapPlan, tensors: Readonly<Record<string, RuntimeTensor>>): void {
  for (const [value, output] of plan.activations) {
    const { dims } = tensors[output]!;
    if (dims.length === 4 && dims[0] === 1) continue;
    disposeAll(tensors);
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
  if (dims.length === 3 && batch === 1)
    return { rows: rows!, columns: columns!, data, boxes: boxesOf(data, rows!, columns!) };
  throw new WhyboxError(
    "unsupported-model",
    `Output "${output}" has the shape [${dims.join(", ")}], expected [1, rows, 5 + classes].`,
    { details: { output, dims } },
  );
}

/** Runs the model once on grey nothing, to learn the dims of its layers. The session is not kept. */
export async function inspectWithSizes(loaded: LoadedModel, size: readonly [number, number]): Promise<ModelFacts> {
  const plan = planTaps(planContext(loaded), loaded.layers, false);
  const session = await loaded.runtime.createSession(encodeModel(plan.buildForward()), {});
  const input = await loaded.runtime.upload("float32", [1, 3, ...size], new Float32Array(3 * size[0] * size[1]));
  const tensors = await session.run({ [loaded.inputName]: input }, plan.outputs);
  const dims = new Map([...plan.activations].map(([value, output]) => [value, tensors[output]!.dims]));
  input.dispose();
  disposeAll(tensors);
  await session.release();
  return inspectModel(loaded, { size, dims });
}

/** Frees tensors of the runtime. */
export function disposeAll(tensors: Readonly<Record<string, RuntimeTensor>>): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}
