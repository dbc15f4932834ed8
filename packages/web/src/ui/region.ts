import type { StageRegion } from "@whybox/browser/element";
import { percent } from "@whybox/report";
import type { State } from "../controller/state.js";

/** The smallest region of the measured map, while the user looks at it. Another box below the pointer goes first. */
export function shownRegion({ measuring, preview, found, selection }: State): StageRegion | undefined {
  if (preview !== undefined || measuring?.phase !== "ready" || !measuring.isRegionShown) return undefined;
  const { map, className } = measuring.measurement!;
  const one = found.phase === "ready" ? found.list.find(({ index }) => index === selection[0]) : undefined;
  return {
    share: map.sufficient,
    // The network of a classifier gets a part of the image, and the share is one of this part.
    within: one?.isWholeImage ? one.boxImage : undefined,
    label: `The hottest ${percent(map.sufficient)} of the pixels: they alone restore half of the confidence in this ${className}.`,
  };
}
