import type { State } from "./state.js";

/** What is known of the explanation that is shown, as plain data: field names as in the command's JSON. Heatmaps are not in it. */
export function resultDocument({ photo, model, found, map, settings, selection, ownBox, whole }: State): unknown {
  const { shown } = map;
  return {
    tool: { name: "whybox", page: true },
    model: model.phase === "ready" ? model.model : null,
    image: photo.phase === "ready" ? { source: photo.name, size: [photo.facts.height, photo.facts.width] } : null,
    options: settings,
    subject: ownBox ?? (whole ? "image" : selection),
    detections: found.phase === "ready" ? found.list : [],
    method: shown?.method ?? null,
    energyInBox: shown?.facts.energy ?? null,
    maximum: shown?.facts.peak ?? null,
    asked: shown?.asked ?? null,
    layers: shown?.explanation?.layers ?? [],
    notes: shown?.explanation?.notes ?? [],
    empty: shown?.empty ?? null,
    timings: shown?.explanation?.timings ?? null,
  };
}
