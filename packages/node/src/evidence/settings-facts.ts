import {
  checkExplainOptions,
  detectDefaults,
  type ExplainOptions,
  explainOptions,
  plainOptions,
  resolveScore,
  WhyboxError,
} from "@whybox/core";
import type { Manifest } from "../runs/schema.js";
import type { Evidence } from "./schema.js";

type Settings = Evidence["settings"];

/** How the maps of a run were made. */
export function settingsFacts({ options, model }: Pick<Manifest, "options" | "model">): Settings {
  const given = options.explain as ExplainOptions;
  const { method, scores } = namesInEffect(given, model.task);
  const { id, title, paper, fuse } = method;
  const named = { ...detectDefaults(model.task), ...given, method: id, backprop: scores } as ExplainOptions;
  const explain = plainOptions<ExplainOptions, typeof explainOptions>(named, explainOptions);
  return {
    ...{ device: options.device, threads: options.threads, method: id },
    methodTitle: title ?? null,
    methodSource: paper ?? null,
    layers: layersText(given.layer),
    scores: scores.map((id) => ({ id, title: resolveScore(id).title })),
    seed: given.seed ?? explainOptions.seed.default,
    normalisation: normalisationText(given, fuse !== undefined),
    // Without undefined values, as the document has it.
    explain: JSON.parse(JSON.stringify(explain)) as Settings["explain"],
    ...{ input: options.input, frame: options.frame },
    ...{ videoStride: options.vidStride, mapStride: options.mapStride },
  };
}

/** The method and the scores of a run, with their defaults. */
function namesInEffect(given: ExplainOptions, task: Manifest["model"]["task"]) {
  try {
    const read = checkExplainOptions(given);
    const ids = read.scores.map(({ id }) => id);
    const isGiven = (given.backprop ?? []).length > 0;
    // For a classifier, the logit of the class stands for the scores of a detection's class.
    const own = (score: string) => (task === "classify" && ["class", "row"].includes(score) ? "row_logit" : score);
    return { method: read.method, scores: isGiven ? ids : ids.map(own) };
  } catch (error) {
    if (!(error instanceof WhyboxError)) throw error;
    const message = `The run's options are not known to this version of Whybox: ${error.message}`;
    throw new WhyboxError("bad-input", `${message}\nUse the version of the run's manifest.`, { cause: error });
  }
}

function layersText(layer: ExplainOptions["layer"] = "auto"): string {
  if (layer === "auto") return "automatic: the layers that suit the method and the detection";
  return [layer].flat().join(", ");
}

function normalisationText({ scale, keepTopPercent = 100 }: ExplainOptions, fuses: boolean): string {
  return [
    "Negative values become 0.",
    fuses ? "The map of each layer is scaled to its own maximum before the maps are fused." : "",
    scale === "common"
      ? "All maps of an image are divided by the largest value among them."
      : "Each map is divided by its own maximum, so its values are from 0 to 1 and maps of two detections cannot be compared by their values. The maximum before is heat.maximum in results.jsonl.",
    keepTopPercent < 100 ? `Only the hottest ${keepTopPercent} % of the pixels are kept.` : "",
  ]
    .filter((sentence) => sentence !== "")
    .join(" ");
}
