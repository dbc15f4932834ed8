import { count } from "../words.js";
import type { CompareValues } from "./compare-options.js";
import type { ComparedPair, Comparison } from "./comparison.js";

type Measured = Omit<Comparison, "passed" | "problems" | "notes">;

/** Why the check fails, in sentences. None: it passes. */
export function problemsOf({ images, counts, runs }: Measured, limits: CompareValues): string[] {
  const missing = images.onlyInA.length;
  const { maxMoved, maxLost, maxGained } = limits;
  return [
    ...(missing === 0
      ? []
      : [`${count(missing, "image")} of the first run ${missing === 1 ? "has" : "have"} no result in the second.`]),
    ...(images.changed.length === 0
      ? []
      : [`${count(images.changed.length, "image")} changed between the runs, for example ${images.changed[0]}.`]),
    ...(counts.compared === 0 ? ["No detection has a map of its own in both runs, so nothing was compared."] : []),
    ...beyond("The attention moved for", counts.moved, counts.compared, maxMoved),
    ...beyond("The second run lost", counts.lost, runs.a.detections, maxLost),
    ...beyond("The second run gained", counts.gained, runs.b.detections, maxGained),
  ];
}

/** "The attention moved for 7 of 120 detections (5.8 %); at most 5 % are allowed." */
function beyond(what: string, part: number, all: number, max: number | undefined): string[] {
  if (max === undefined || all === 0 || part / all <= max) return [];
  return [
    `${what} ${part} of ${count(all, "detection")} (${percent(part / all)}); at most ${percent(max)} are allowed.`,
  ];
}

/** "5.8 %". */
export function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}

/** Sorts pairs: moved ones first, then those with the least in common. Pairs without figures come last. */
export function worstFirst(one: ComparedPair, other: ComparedPair): number {
  return badness(other) - badness(one);
}

function badness({ figures, moved }: ComparedPair): number {
  if (figures === null) return -10;
  return (moved.length > 0 ? 5 : 0) - figures.correlation - figures.overlap;
}
