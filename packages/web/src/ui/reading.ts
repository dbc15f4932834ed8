import { percent } from "@whybox/report";
import { methodOf, scoreChoices } from "../controller/methods.js";
import type { State } from "../controller/state.js";

/** What a map says, for people: a sentence, and what they should beware of. */
export interface Reading {
  readonly sentence: string;
  readonly cautions: readonly string[];
}

/** From here on a map lies where its box is. */
const MOSTLY = 0.5;
const NEARLY_ALL = 0.8;

/** What was asked, as a heading. */
export function questionText({ ownBox, whole, selection, found, settings }: State): string {
  if (ownBox !== undefined) return `Why no ${ownBox.className} here?`;
  if (whole) return "The whole picture";
  if (found.phase !== "ready") return "";
  const names = selection.map((index) => found.list[index]?.className);
  if (names.length > 3) return `Why these ${names.length}?`;
  const versus = settings.versus === "" ? "" : ` and not ${settings.versus}`;
  return `Why ${names.join(" and ")}${versus}?`;
}

/** The map that is shown, in words. Undefined when there is none, or nothing in it. */
export function readMap(state: State): Reading | undefined {
  const { shown } = state.map;
  if (shown === undefined || shown.empty !== undefined) return undefined;
  const method = methodOf(shown.method);
  const { energy } = shown.facts;
  const isBeside = energy !== undefined && energy.inside < MOSTLY && state.ownBox === undefined;
  const cautions = [
    ...(method.asksScore
      ? []
      : [`${method.title} does not know what was asked: it shows what is strong in this layer, whatever the box.`]),
    ...(isBeside && method.asksScore
      ? [
          `Most of this heat (${percent(1 - energy.inside)}) lies outside the box. Either the detector leans on what is around it, or this method does not fit it: compare another before you rely on it.`,
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
  if (ownBox !== undefined) return `The heat shows what in the picture still spoke for a ${ownBox.className} there.`;
  if (whole) return "What spoke for all that was detected, taken together.";
  const chosen = selection.map((index) => list[index]).filter((one) => one !== undefined);
  if (chosen.length !== 1 || energy === undefined) {
    return `What spoke for these ${chosen.length}, each place with the hottest of their maps.`;
  }
  const { className } = chosen[0]!;
  if (!methodOf(map.shown!.method).asksScore) return "Where this layer is most active.";
  const where =
    energy.inside >= NEARLY_ALL
      ? `on the ${className} itself`
      : energy.inside >= MOSTLY
        ? `mostly on what is inside its box, and partly on what is around it`
        : "mostly on what is around its box";
  return `${claim(className, settings)} rests ${where}.`;
}

function claim(className: string, { versus, score }: State["settings"]): string {
  if (versus !== "") return `That this is a ${className} rather than a ${versus}`;
  const chosen = scoreChoices.find(({ id }) => id === score);
  if (chosen === undefined || ["class", "class_confidence"].includes(score)) {
    return `The detector's confidence in this ${className}`;
  }
  return `“${chosen.title}” of this ${className}`;
}

/** What the engine says of layers that cannot see what was asked. */
function blindLayers({ map, selection }: State): readonly string[] {
  const layers = map.shown?.explanation?.layers ?? [];
  const concerns = layers.filter(
    ({ blind, message }) =>
      message !== undefined && (selection.length === 0 || blind.some((one) => selection.includes(one))),
  );
  return [...new Set(concerns.map(({ message }) => message!))].slice(0, 2);
}
