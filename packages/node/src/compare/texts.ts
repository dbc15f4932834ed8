import { count } from "../words.js";
import type { ComparedPair, Comparison, Figures } from "./comparison.js";
import { percent } from "./verdict.js";

/** "40 images, 120 detections in both runs, 3 lost, 2 gained." and how many moved. */
export function summaryLines({ images, counts }: Comparison): string[] {
  const { paired, lost, gained, moved, compared } = counts;
  return [
    `${count(images.compared, "image")}: ${count(paired, "detection")} in both runs, ${lost} only in the first, ${gained} only in the second.`,
    `The attention moved for ${moved} of ${count(compared, "compared detection")}${compared === 0 ? "" : ` (${percent(moved / compared)})`}.`,
  ];
}

/** The medians of the compared detections. */
export function medianSentence({ medians }: Comparison): string | undefined {
  if (medians === null) return undefined;
  const { correlation, overlap, shift, inBoxChange } = medians;
  return `Medians: rank correlation ${correlation.toFixed(2)}, overlap of the hottest tenth ${percent(overlap)}, shift ${percent(shift)} of the diagonal${inBoxChange === null ? "" : `, heat in the box ${signed(inBoxChange)}`}.`;
}

/** The figures of a pair in words. */
export function figureTexts({ figures }: ComparedPair): { name: keyof Figures; title: string; text: string }[] {
  if (figures === null) return [];
  const { correlation, overlap, shift, inBoxChange } = figures;
  return [
    { name: "correlation", title: "Rank correlation", text: correlation.toFixed(2) },
    { name: "overlap", title: "Overlap of the hottest tenth", text: percent(overlap) },
    { name: "shift", title: "Shift", text: `${percent(shift)} of the diagonal` },
    ...(inBoxChange === null
      ? []
      : [{ name: "inBoxChange" as const, title: "Heat in the box", text: signed(inBoxChange) }]),
  ];
}

/** "+3 points". */
function signed(change: number): string {
  const points = Number((100 * change).toFixed(1));
  return `${points > 0 ? "+" : ""}${points} points`;
}
