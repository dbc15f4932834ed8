import type { ColormapName, Detection } from "@whybox/core";
import { classSentence, mapSentence, mostlyInside, percent } from "@whybox/report";
import { methodOf, scoreChoices } from "../controller/methods.js";
import type { State } from "../controller/state.js";

/** A map described for people: one sentence, and warnings. */
export interface Reading {
  readonly sentence: string;
  readonly cautions: readonly string[];
}

/** The question, as a heading. */
export function questionText({ ownBox, whole, selection, found, settings }: State): string {
  if (ownBox !== undefined) return `Why no ${ownBox.className} here?`;
  if (found.phase !== "ready") return whole ? "The whole image" : "";
  if (whole) return found.list.some(({ isWholeImage }) => isWholeImage) ? "All classes together" : "The whole image";
  const names = selection.map((index) => found.list[index]?.className);
  if (names.length > 3) return `Why these ${names.length}?`;
  const versus = settings.versus === "" ? "" : ` and not ${settings.versus}`;
  return `Why ${names.join(" and ")}${versus}?`;
}

/** What the colours of a map mean. In the rainbow scales, the highest values are red. */
export function howToRead(colormap: ColormapName): string {
  return colormap === "jet" || colormap === "turbo" ? "Red areas supported it." : "Bright areas supported it.";
}

/** The current map, described in words. Undefined if there is no map, or if it is empty. */
export function readMap(state: State): Reading | undefined {
  const { shown } = state.map;
  if (shown === undefined || shown.empty !== undefined) return undefined;
  const method = methodOf(shown.method);
  const { energy } = shown.facts;
  const isBeside = energy !== undefined && energy.inside < mostlyInside && state.ownBox === undefined;
  const cautions = [
    ...(method.dependsOnScore
      ? []
      : [`${method.title} does not depend on the box or the score. It shows where this layer is strongly active.`]),
    ...(isBeside && method.dependsOnScore
      ? [
          `Most of this heat (${percent(1 - energy.inside)}) is outside the box. Either the detector uses the surroundings, or this method does not suit this box. Compare another method before you rely on this map.`,
        ]
      : []),
    ...blindLayers(state),
  ];
  return { sentence: sentence(state), cautions };
}

function sentence(state: State): string {
  const { selection, found, ownBox, whole, map, settings } = state;
  const { energy } = map.shown!.facts;
  const list = found.phase === "ready" ? found.list : [];
  if (ownBox !== undefined) return `The heat shows which parts of the image support a ${ownBox.className} there.`;
  if (whole) {
    if (list.some(({ isWholeImage }) => isWholeImage)) {
      return "The heat shows which parts of the image support these classes together.";
    }
    return settings.backwardPerClass
      ? "The heat shows which parts of the image support all detections together."
      : "Each box shows its own heat: the parts of the image that support it.";
  }
  const chosen = selection.map((index) => list[index]).filter((one) => one !== undefined);
  const ofOne = ({ className }: Detection) => ({
    className,
    dependsOnScore: methodOf(map.shown!.method).dependsOnScore,
    versus: settings.versus === "" ? undefined : settings.versus,
  });
  if (chosen.length === 1 && chosen[0]!.isWholeImage) return classSentence(ofOne(chosen[0]!));
  if (chosen.length !== 1 || energy === undefined) {
    return `The heat shows which parts of the image support these ${chosen.length}. Each box shows its own heat.`;
  }
  return mapSentence({
    ...ofOne(chosen[0]!),
    inBox: energy.inside,
    area: energy.area,
    peakInBox: map.shown!.facts.peak?.insideBox === true,
    scores: scoreChoices.filter(({ id }) => id === settings.score),
  });
}

/** The engine's warnings about layers that do not affect the score. */
function blindLayers({ map, selection }: State): readonly string[] {
  const layers = map.shown?.explanation?.layers ?? [];
  const concerns = layers.filter(
    ({ blind, message }) =>
      message !== undefined && (selection.length === 0 || blind.some((one) => selection.includes(one))),
  );
  return [...new Set(concerns.map(({ message }) => message!))].slice(0, 2);
}
