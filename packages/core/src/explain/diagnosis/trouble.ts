import type { Detection, Predictions } from "../../detector/detection.js";
import { LazyPredictions } from "../../detector/lazy-predictions.js";
import { letterbox } from "../../image/letterbox.js";
import { allFinite } from "../../kernels/range.js";
import type { RawMaps } from "../evidence/make-maps.js";
import type { TaskGradients } from "../evidence/task-gradients.js";
import type { ExplainJob } from "../job.js";
import type { FittedImage } from "../passes/fit-image.js";
import type { NonFiniteOrigin } from "./non-finite.js";

/** The layers that have values that are not finite, and the node where these first appear. */
export interface Trouble {
  readonly layers: ReadonlyMap<string, "activations" | "gradients">;
  /** True if the predictions have such values and nothing was detected. */
  readonly predictions: boolean;
  readonly origin: NonFiniteOrigin | undefined;
}

/** The data that is checked for values that are not finite. */
export interface TroubleSources {
  readonly input: FittedImage;
  readonly predictions: Predictions;
  readonly detections: readonly Detection[];
  readonly gradients: TaskGradients;
  readonly raw: RawMaps;
}

/** Looks for NaN and infinity. If there are any, parts of the network run again to find their origin. */
export async function findTrouble({ loaded, signal }: ExplainJob, sources: TroubleSources): Promise<Trouble> {
  const { input, detections, gradients, raw } = sources;
  const layers = new Map<string, "activations" | "gradients">();
  for (const value of gradients.nonFinite) layers.set(value, "gradients");
  for (const value of raw.nonFinite) layers.set(value, "activations");
  const predictions = detections.length === 0 && !sourcesOf(sources.predictions).every(allFinite);
  if (!predictions && layers.size === 0) return { layers, predictions, origin: undefined };
  const pixels = letterbox(input.image, input.letterbox);
  // Loaded on demand: few images have such values.
  const { firstNonFinite } = await import("./non-finite.js");
  const origin = await firstNonFinite(loaded, pixels, { inputSize: input.letterbox.inputSize, signal });
  return { layers, predictions, origin };
}

/** The arrays that all predictions are computed from. */
function sourcesOf(predictions: Predictions): readonly Float32Array[] {
  return predictions instanceof LazyPredictions ? predictions.sources : [predictions.data];
}

/** The origin of the values, as the end of a sentence. */
export function originText(origin: NonFiniteOrigin | undefined): string {
  if (origin === undefined)
    return "the forward pass is finite, so the gradient overflows in the backward pass. Choose a layer closer to the head.";
  return `they first appear at node "${origin.node}" (${origin.op}, output "${origin.value}"). Check the weights and the precision of the export there.`;
}
