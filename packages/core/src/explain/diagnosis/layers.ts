import type { Detection } from "../../detector/detection.js";
import type { Layer } from "../../detector/layer.js";
import { needsGradients } from "../../methods/needs.js";
import type { ExplainJob } from "../job.js";
import type { LoadedModel } from "../model/loaded-model.js";
import { dependentLevels, feedsPrototypes } from "../model/reach.js";
import type { ForwardResult } from "../passes/forward-pass.js";
import type { LayerDiagnosis } from "../result/result.js";
import { ASKED, type DetectionScore } from "../targets/detection-score.js";
import { originText, type Trouble } from "./trouble.js";

/** The data that the layers of an explanation are diagnosed from. */
export interface LayerSources {
  readonly forward: Pick<ForwardResult, "tensors">;
  readonly explained: readonly Detection[];
  readonly entries: readonly DetectionScore[];
  /** Layer value → its largest absolute gradient. */
  readonly gradientMax: ReadonlyMap<string, number>;
  readonly trouble: Trouble;
}

/** For each layer: the detections that it explains, the detections that it cannot see, and why. */
export function diagnoseLayers({ loaded, plan }: ExplainJob, sources: LayerSources): LayerDiagnosis[] {
  const { forward, explained, entries, gradientMax, trouble } = sources;
  const routes = plan.route(explained);
  const differentiates = needsGradients(plan.needs);
  return plan.layers.flatMap((layer) => {
    const mine = routes.flatMap((part) => (part.layers.includes(layer) ? part.detections : []));
    if (plan.auto && mine.length === 0) return [];
    const reach = dependentLevels(loaded, layer);
    const feedsMasks = feedsPrototypes(loaded, layer);
    const sees = (detection: Detection): boolean =>
      !differentiates ||
      entries.some(
        (entry) =>
          entry.detection === detection &&
          (entry.levels.some((level) => reach.has(level)) || (entry.result.prototypes.length > 0 && feedsMasks)),
      );
    const scoredHere = mine.filter((detection) =>
      entries.some((e) => e.detection === detection && e.result.rows.length > 0),
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
          blind.length === 0 ? undefined : blindMessage(loaded, layer, reach, blind),
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

function blindMessage(
  { head }: LoadedModel,
  layer: Layer,
  reach: ReadonlySet<number>,
  blind: readonly Detection[],
): string {
  const { levels } = head;
  const from = [...new Set(blind.map((detection) => detection.levelName))].join(", ");
  const feeds = levels.filter((_, index) => reach.has(index)).map((level) => level.name);
  const boxes = blind.map(({ index, className }) => `${index === ASKED ? "" : `${index} `}(${className})`).join(", ");
  const what = blind[0]!.index === ASKED ? "the box" : "detection";
  const only = feeds.length === 0 ? "feeds no detection level" : `only feeds ${feeds.join(", ")}`;
  return (
    `Layer ${layer.index ?? layer.name} cannot see ${what} ${boxes}: found at ${from}, but this layer ${only}. ` +
    `Use layer "auto", or a layer before ${from}.`
  );
}
