import { percent, searchSentence } from "@whybox/report";
import { methodOf } from "../controller/methods.js";
import type { ShownMap, State } from "../controller/state.js";
import { FactList } from "./fact-list.js";
import { milliseconds } from "./texts.js";

type Facts = readonly (readonly [name: string, value: string])[];

/** How the current map was made, for experts: its method, its box, layers, gradients, the method's own numbers, and timings. */
export function HowMade({ state }: { readonly state: State }) {
  const { shown } = state.map;
  if (shown === undefined) return null;
  return (
    <section class="group">
      <h3>This map</h3>
      <p class="made">
        {methodOf(shown.method).title} · {milliseconds(shown.ms)}
      </p>
      <FactList facts={[...factsOfBox(state), ...factsOfPeak(shown), ...factsOfRun(shown)]} />
    </section>
  );
}

function factsOfBox({ found, selection }: State): Facts {
  const only = selection.length === 1 && found.phase === "ready" ? found.list[selection[0]!] : undefined;
  return only === undefined
    ? []
    : [
        [
          "Confidence",
          `${percent(only.confidence)}, ${only.isWholeImage ? "of the whole image" : `found at ${only.levelName}`}`,
        ],
      ];
}

function factsOfPeak({ facts: { peak } }: ShownMap): Facts {
  if (peak === undefined) return [];
  const where = peak.insideBox === undefined ? "" : peak.insideBox ? ", inside the box" : ", outside the box";
  return [["Hottest at", `${peak.x}, ${peak.y}${where}`]];
}

function factsOfRun({ explanation }: ShownMap): Facts {
  if (explanation === undefined) return [];
  const { layers, notes, timings, backprop, searched } = explanation;
  const number = (value: number) => (Number.isInteger(value) ? String(value) : value.toPrecision(3));
  const gradient = (most: number | null) => (most === null ? "" : `, largest gradient ${number(most)}`);
  return [
    ...(backprop.length > 0 ? [["Differentiated", backprop.join(", ")] as const] : []),
    ...layers.map(
      ({ name, channels, size, gradientMax }) =>
        [name, `${channels} channels, ${size.join(" × ")}${gradient(gradientMax)}`] as const,
    ),
    ...searched.map((one) => ["Search", searchSentence(one)] as const),
    ...notes.map(
      ({ name, value, layer }) => [layer === undefined ? name : `${name}, ${layer}`, number(value)] as const,
    ),
    ...Object.entries(timings).flatMap(([name, value]) =>
      typeof value === "number" && value >= 0.5 ? [[name, milliseconds(value)] as const] : [],
    ),
  ];
}
