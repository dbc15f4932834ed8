import type { Detection } from "../../detector/detection.js";
import type { Layer } from "../../detector/layer.js";
import { type AnyCamMethod, readsGradients } from "../../methods/index.js";
import type { ResolvedExplainOptions } from "../options/resolve-options.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import type { ExplainPlan } from "../plan/explain-plan.js";
import { feedsPrototypes, levelsBehind, type PlanContext } from "../plan/tap-plan.js";
import type { EmptyReason, LayerDiagnosis } from "../result/result.js";
import { ASKED, type DetectionScore } from "../targets/scored.js";
import type { NonFiniteOrigin } from "./non-finite.js";

/** Values that are not finite: in which layers, and where they first appear. */
export interface Trouble {
  readonly layers: ReadonlyMap<string, "activations" | "gradients">;
  /** True when the predictions hold such values and nothing was detected. */
  readonly predictions: boolean;
  readonly origin: NonFiniteOrigin | undefined;
}

/** What each layer saw: which detections it explains, and to which it is blind and why. */
export function diagnoseLayers(
  context: PlanContext,
  plan: ExplainPlan,
  explained: readonly Detection[],
  scored: readonly DetectionScore[],
  gradientMax: ReadonlyMap<string, number>,
  forward: ForwardResult,
  method: AnyCamMethod,
  trouble: Trouble,
): LayerDiagnosis[] {
  const routes = plan.route(explained);
  const differentiates = readsGradients(method);
  return plan.layers.flatMap((layer) => {
    const mine = routes.flatMap((part) => (part.layers.includes(layer) ? part.detections : []));
    if (plan.auto && mine.length === 0) return [];
    const reach = levelsBehind(context, layer);
    const feedsMasks = feedsPrototypes(context, layer);
    const sees = (detection: Detection): boolean =>
      !differentiates ||
      scored.some(
        (entry) =>
          entry.detection === detection &&
          (entry.levels.some((level) => reach.has(level)) || (entry.result.prototypes.length > 0 && feedsMasks)),
      );
    const scoredHere = mine.filter((detection) =>
      scored.some((e) => e.detection === detection && e.result.rows.length > 0),
    );
    const blind = scoredHere.filter((detection) => !sees(detection));
    const [, channels, height, width] = forward.tensors[plan.main.activations.get(layer.value)!]!.dims;
    return [
      {
        index: layer.index,
        name: layer.name,
        value: layer.value,
        channels: channels!,
        size: [height!, width!] as const,
        detections: mine.filter(sees).map((detection) => detection.index),
        blind: blind.map((detection) => detection.index),
        gradientMax: differentiates ? (gradientMax.get(layer.value) ?? (explained.length === 0 ? null : 0)) : null,
        message: messageOf(
          blind.length === 0 ? undefined : blindMessage(context, layer, reach, blind),
          nonFiniteMessage(layer, trouble),
        ),
      },
    ];
  });
}

function messageOf(...parts: readonly (string | undefined)[]): string | undefined {
  const said = parts.filter((part) => part !== undefined);
  return said.length === 0 ? undefined : said.join(" ");
}

function nonFiniteMessage(layer: Layer, { layers, origin }: Trouble): string | undefined {
  const what = layers.get(layer.value);
  if (what === undefined) return undefined;
  return `The ${what} of layer ${layer.index ?? layer.name} are not all finite numbers: ${originText(origin)}`;
}

function originText(origin: NonFiniteOrigin | undefined): string {
  if (origin === undefined)
    return "the forward pass is finite, so the gradient overflows on its way back. Choose a layer nearer to the head.";
  return `they first appear at node "${origin.node}" (${origin.op}, output "${origin.value}"). Check the weights and the precision of the export there.`;
}

function blindMessage(
  context: PlanContext,
  layer: Layer,
  reach: ReadonlySet<number>,
  blind: readonly Detection[],
): string {
  const { levels } = context.head;
  const from = [...new Set(blind.map((detection) => detection.levelName))].join(", ");
  const feeds = levels.filter((_, index) => reach.has(index)).map((level) => level.name);
  const boxes = blind.map(({ index, className }) => `${index === ASKED ? "" : `${index} `}(${className})`).join(", ");
  const what = blind[0]!.index === ASKED ? "the box" : "detection";
  const only = feeds.length === 0 ? "feeds no detection level" : `only feeds ${feeds.join(", ")}`;
  return (
    `Layer ${layer.index ?? layer.name} cannot see ${what} ${boxes}: found at ${from}, but this layer ${only}. ` +
    `Use layer "auto", or a layer in front of ${from}.`
  );
}

/** Why the heatmap is all zeros, or undefined when it is not. */
export function diagnoseEmpty(
  detections: readonly Detection[],
  explained: readonly Detection[],
  options: ResolvedExplainOptions,
  scored: readonly DetectionScore[],
  isEmpty: boolean,
  layers: readonly LayerDiagnosis[],
  trouble: Trouble,
): { readonly reason: EmptyReason; readonly message: string } | undefined {
  if (!isEmpty) return undefined;
  if (trouble.predictions) {
    const message = `The model's predictions are not all finite numbers: ${originText(trouble.origin)}`;
    return { reason: "non-finite", message };
  }
  if (trouble.layers.size > 0) {
    return {
      reason: "non-finite",
      message: layers.flatMap((layer) => layer.message ?? []).join(" ") || originText(trouble.origin),
    };
  }
  if (explained.length === 0 && detections.length === 0) {
    const message = `Nothing was detected at confidence ${options.confidence}. Lower the confidence, or use a larger image size.`;
    return { reason: "no-detection", message };
  }
  if (explained.length === 0) {
    const found = [...new Set(detections.map((detection) => detection.className))].join(", ");
    const message = `No ${options.classNames.join(", no ")} was detected; found: ${found}.`;
    return { reason: "class-not-detected", message };
  }
  if (scored.every((entry) => entry.result.terms[0] === null)) {
    const message =
      options.scores.find((score) => score.absent !== undefined)?.absent ??
      `None of the ${options.topk} prediction rows nearest to the boxes carries their class, so there is no score to explain. Raise topk.`;
    return { reason: "no-score", message };
  }
  if (contrastsWithItself(explained, options)) {
    const { className } = explained[0]!;
    const message = `versus is ${className}, the class that is explained: the contrast of a class with itself is zero everywhere. Name another class.`;
    return { reason: "same-class", message };
  }
  const reasons = layers.flatMap((layer) => layer.message ?? []);
  const message =
    reasons.length > 0
      ? reasons.join(" ")
      : "The map has no positive value at these layers: nothing there speaks for the score. Try another layer or method.";
  return { reason: "zero-gradient", message };
}

function contrastsWithItself(explained: readonly Detection[], { scores, versus }: ResolvedExplainOptions): boolean {
  return scores.every(({ id }) => id === "contrast") && explained.every(({ classIndex }) => classIndex === versus);
}
