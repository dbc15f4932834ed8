import { type OpenRun, type ReadOptions, type RunImage, readRun } from "../report/read-run.js";
import { suspicionOf } from "../report/suspicion.js";

/** Yields the images and frames of a run, with ids from 1. */
export async function* imagesIn(run: OpenRun, options: ReadOptions = {}): AsyncGenerator<RunImage & { id: number }> {
  let id = 0;
  for await (const entry of readRun(run, options)) if (entry.kind === "picture") yield { ...entry, id: ++id };
}

/** The measurements of a detection's map in an export. They are null for a detection without its own map. */
export function heatFields({ detections, maps }: RunImage, index: number) {
  const { score, heat, blind } = detections[index]!;
  const map = maps.find((one) => one.detections.includes(index));
  const hasHeat = heat !== null && heat.maximum > 0;
  return {
    in_box: heat?.inBox ?? null,
    area_fraction: heat?.area ?? null,
    ratio: heat?.ratio ?? null,
    peak_x: heat?.peak[0] ?? null,
    peak_y: heat?.peak[1] ?? null,
    peak_in_box: heat?.peakInBox ?? null,
    suspicion: hasHeat ? Number(suspicionOf(score, heat, map?.whole).toPrecision(6)) : null,
    blind: blind.length > 0,
  };
}
