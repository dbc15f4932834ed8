import type { PredictionScene } from "../../detector/detect.js";
import type { Predictions } from "../../detector/detection.js";
import type { LazyHead } from "../../detector/heads/lazy-head.js";
import { LazyPredictions, type LevelValues } from "../../detector/lazy-predictions.js";
import { extraOf } from "../../detector/tasks/extra.js";
import { throwIfAborted, WhyboxError } from "../../errors.js";
import type { Letterbox, Size } from "../../image/frame.js";
import type { RuntimeTensor } from "../../runtime/port.js";
import type { KeptSession } from "../../runtime/sessions.js";
import { boxTable } from "../../scores/iou.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { LoadedModel } from "../model/loaded-model.js";
import { prototypesTap } from "../plan/forward-taps.js";
import type { ForwardPlan, TapPlan } from "../plan/tap-plan.js";
import { readFloats } from "./runtime-tensors.js";

/** The result of a forward pass, decoded. The caller must dispose of `tensors`. */
export interface ForwardResult {
  readonly letterbox: Letterbox;
  /** A copy of the network's input, `[3, H, W]`, with `keepsInput`. Otherwise empty. */
  readonly input: Float32Array;
  readonly predictions: Predictions;
  /** Outputs of the forward session by name: predictions, activations, saved values. */
  readonly tensors: Readonly<Record<string, RuntimeTensor>>;
}

/** A request for a run of the forward session. */
export interface ForwardRequest {
  readonly plan: ForwardPlan;
  readonly letterbox: Letterbox;
  /** The input `[3, H, W]`. The array may be transferred to another thread, so do not use it afterwards. */
  readonly pixels: Float32Array;
  /** Whether the result has a copy of the input. */
  readonly keepsInput: boolean;
  readonly signal: AbortSignal | undefined;
}

/** The session of a forward pass. It is created on first use. */
export function forwardSession(
  { sessions }: LoadedModel,
  plan: ForwardPlan,
  signal: AbortSignal | undefined,
): Promise<KeptSession> {
  return sessions.get(`forward\n${plan.key}`, plan.buildForward, signal);
}

/** Runs the forward session. @throws runtime; unsupported-model for outputs that do not have the shape of the head; aborted. */
export async function runForward(loaded: LoadedModel, request: ForwardRequest): Promise<ForwardResult> {
  const { plan, letterbox, pixels, signal } = request;
  const session = await forwardSession(loaded, plan, signal);
  const input = request.keepsInput ? pixels.slice() : new Float32Array(0);
  const uploaded = await loaded.runtime.upload("float32", [1, 3, ...letterbox.inputSize], pixels);
  throwIfAborted(signal);
  const tensors = await session.run({ [loaded.inputName]: uploaded }, plan.outputs);
  uploaded.dispose();
  return { letterbox, input, predictions: await readPredictions(loaded, request, tensors), tensors };
}

/** The predictions of a pass, with the data needed to read them. */
export function sceneOf(
  { head, classNames }: LoadedModel,
  { predictions, letterbox }: Pick<ForwardResult, "predictions" | "letterbox">,
): PredictionScene {
  return { predictions, head, classNames, letterbox };
}

/** Checks the shapes of the tapped layers. @throws usage for a layer that is not a map over the image. A layer name can select any value of the graph. */
export function checkLayers(plan: TapPlan, { tensors }: ForwardResult): void {
  for (const [value, output] of plan.activations) {
    const { dims } = tensors[output]!;
    if (dims.length === 4 && dims[0] === 1) continue;
    throw new WhyboxError(
      "usage",
      `Layer "${value}" has the shape [${dims.join(", ")}]. Expected feature maps [1, channels, height, width]. \`whybox inspect\` lists the layers.`,
      { details: { layer: value, dims } },
    );
  }
}

async function readPredictions(
  loaded: LoadedModel,
  { plan, letterbox }: ForwardRequest,
  tensors: Readonly<Record<string, RuntimeTensor>>,
): Promise<Predictions> {
  if (plan.lazy !== undefined) return readLazily(loaded, plan.lazy, letterbox.inputSize, tensors);
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

/** Predictions whose classes are computed when they are read. */
async function readLazily(
  { head }: LoadedModel,
  lazy: LazyHead,
  inputSize: Size,
  tensors: Readonly<Record<string, RuntimeTensor>>,
): Promise<LazyPredictions> {
  const values: LevelValues[] = [];
  for (const [i, { input, shares }] of lazy.levels.entries()) {
    const [boxes, features] = [await readFloats(shares, tensors[shares]!), await readFloats(input, tensors[input]!)];
    const cells = head.cells(i, inputSize);
    if (features.dims.slice(2).join() !== cells.join()) throw otherGrid(input, features.dims, cells);
    values.push({ shares: boxes, features });
  }
  return new LazyPredictions(head, lazy, values, inputSize);
}

function otherGrid(input: string, dims: readonly number[], cells: Size): WhyboxError {
  return new WhyboxError(
    "unsupported-model",
    `The head input "${input}" has the shape [${dims.join(", ")}], expected ${cells.join("×")} cells. Check that the image size is a multiple of ` +
      "the model's stride, or export the model again.",
    { details: { output: input, dims, cells } },
  );
}

/** Mask prototypes `[E, h, w]`. Undefined for a model without masks. */
async function readPrototypes(
  loaded: LoadedModel,
  tensors: Readonly<Record<string, RuntimeTensor>>,
): Promise<Tensor | undefined> {
  const tap = prototypesTap(loaded);
  if (tap === undefined) return undefined;
  const { dims, data } = await readFloats(tap.output, tensors[tap.output]!);
  if (dims.length === 4 && dims[0] === 1 && dims[1] === loaded.head.extraCount) return { dims: dims.slice(1), data };
  throw new WhyboxError(
    "unsupported-model",
    `Output "${tap.value}" has the shape [${dims.join(", ")}], expected mask prototypes [1, ${loaded.head.extraCount}, h, w].`,
    { details: { output: tap.value, dims } },
  );
}
